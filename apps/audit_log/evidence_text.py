"""What is signed of an evidence pack: a text that no checkpoint has, naming the digest of the pack's manifest. Pure."""

FIRST_LINE = "vault-portal/evidence/1"


def evidence_text(digest: bytes) -> str:
    """The text for the SHA-256 of a manifest."""
    return f"{FIRST_LINE}\nsha256 {digest.hex()}\n"

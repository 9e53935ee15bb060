"""What a process remembers alone: each place is listed with the reason why other processes need not know it.

A limit or a mark against replay does not belong here: it is in the database (apps/core/shared_state.py). A new cache
fails this test until that is decided; docs/threat-model.md has the same list in words.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MADE = re.compile(
    r"^[ ]*(?:self\.)?(_?\w+)(?:: [^=\n]+)? = (?:\w*Cache|RateLimit)(?:\[[^\n]*\])?\("  # anywhere
    r"|^(_?\w+)(?:: [^=\n]+)? = (?:\{\}|dict\(\)|set\(\)|\[\]|defaultdict\(|deque\()",  # of a module
    re.MULTILINE,
)
_DECORATED = re.compile(r"^@(?:functools\.)?(?:lru_)?cache\b[^\n]*\n(?:@[^\n]*\n)*def (\w+)", re.MULTILINE)

SECOND = "a change counts within a second (docs/decisions/0024-leased-caches.md)"
PURE = "computed from its arguments, settings or files of this version"
OWN = "a connection, a thread or a module of this process"
KNOWN = {
    "apps/audit_log/sealing.py": {"tag_of": PURE, "_sealing_key": PURE, "_secret": PURE},
    "apps/audit_reader/decryption.py": {"_known": "opened data keys: what was read stays readable", "audit_lane": OWN},
    "apps/audit_reader/search_service.py": {"_followed": "another process records the reading once more"},
    "apps/core/address_blocks.py": {"address_block": PURE},
    "apps/core/movable_clock.py": {"_offset": "half a second old; of test installations only"},
    "apps/core/password_hashing.py": {"_thread": OWN},
    "apps/domain/access/anonymous_denials.py": {"_recorded": "another process records the denial once more"},
    "apps/domain/access/queries.py": {"_decisions": SECOND},
    "apps/domain/certificates/x509.py": {"_trial_key": "a key that signs what is thrown away"},
    "apps/domain/hsm_client/client.py": {"_sender": OWN},
    "apps/domain/hsm_client/lane_client.py": {"client_for": OWN},
    "apps/domain/identity/attestation.py": {
        "_keys": "keys of an issuer, a minute old, by its address and CA",
        "_refetches": "limits what an issuer is asked, not guesses; N processes ask N times as often",
    },
    "apps/domain/identity/client_assertions.py": {
        "_keys": "keys of an issuer, five minutes old", "_stale_keys": "the same, while newer ones are fetched",
        "_refetches": "limits what an issuer is asked, not guesses; N processes ask N times as often",
        "_failed_issuers": "protects the threads of this process", "_running_fetches": "the same",
    },
    "apps/domain/identity/queries.py": {"*": SECOND},
    "apps/domain/identity/tokens.py": {"_verified": "signatures; times and the application are checked each time", "*": SECOND},
    "apps/domain/objects/changes.py": {"_update_statement": PURE},
    "apps/domain/objects/kinds.py": {"*": SECOND},
    "apps/domain/vaults/queries.py": {"*": SECOND},
    "apps/domain/vaults/quotas.py": {"_free_at": "limits load, not guesses; N processes allow N times the limit"},
    "apps/hsm/key_store.py": {"handles": OWN, "verified": "keys whose HMAC was right: a changed row is another key"},
    "apps/hsm/module.py": {"_loaded": OWN},
    "apps/interfaces/keyvault_api/hosts.py": {"_parse": PURE},
    "apps/interfaces/keyvault_api/serializers/fields.py": {"_validator_of": PURE},
    "apps/interfaces/keyvault_api/serializers/keys.py": {"_public_members": PURE},
    "apps/interfaces/console/page_context.py": {"*": PURE},
    "apps/interfaces/management_api/authentication.py": {
        "_looked_at": "a password under its hash: a new password has another hash", "_nobody": PURE,
    },
    "apps/workers/audit_worker/worker.py": {"_sealing_keys": "keys of the audit token"},
    "apps/workers/hsm_runtime/celery_step.py": {"_threads": OWN},
    "apps/workers/hsm_runtime/peers.py": {"_refusals": "counts of this worker", "_logged": "bounds the log of this worker"},
    "apps/workers/hsm_worker/callers.py": {"_verified_keys": "public keys that an HSM has bound; they never change"},
    "apps/workers/hsm_worker/preflight.py": {"*": "verified keys of the HSM, and rows whose changes count within a second"},
}  # fmt: skip


def found():
    for path in sorted((ROOT / "apps").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if (
            name.startswith(("apps/cli/", "apps/launcher/"))
            or "/migrations/" in name
            or name in ("apps/core/ttl_cache.py", "apps/core/leased_cache.py")
        ):
            continue
        text = path.read_text()
        for match in (*_MADE.finditer(text), *_DECORATED.finditer(text)):
            yield name, next(filter(None, match.groups()))


def test_each_memory_of_a_process_has_a_reason():
    unknown = [
        (file, name) for file, name in found() if name not in KNOWN.get(file, {}) and "*" not in KNOWN.get(file, {})
    ]
    assert unknown == [], "is it a limit or a mark against replay? Then it belongs to apps/core/shared_state.py"


def test_the_list_names_no_file_that_remembers_nothing():
    assert set(KNOWN) == {file for file, _ in found()}


def test_limits_of_failures_are_shared():
    assert "cachetools" not in (ROOT / "apps/core/throttle.py").read_text()
    assert (
        'CACHES = {"default": {"BACKEND": "apps.core.shared_state.SharedStore"}}'
        in (ROOT / "vaultportal/settings/console.py").read_text()
    )

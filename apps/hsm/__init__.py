"""The hardened boundary: plain Python over PKCS#11, no Django, no broker, no other app.

One `Hsm` object (`api.py`, the whole surface) lives in one thread of one process. It takes and gives `StoredKey`s
(`types.py`) and bytes; what an error asks of the caller, `errors.py` says. The promise: a key is never in clear outside
the HSM. It is made in there, extractable for the milliseconds until a master key has wrapped it (RFC 5649), and comes
back as a session object for one use that nobody can read, wrap or change. Software-protected keys are the exception,
and say so.

    api          make, take in, move, release   masters      WK-A, WK-S, WM, WK-H, WK-X: ceremony, check values
    uses         sign, verify, encrypt, ...     templates    the one builder of PKCS#11 templates
    device       open, canary, seal             module       loading, C_Initialize, login
    key_store    verify, unwrap, cache          selftest     known answers before the first use
    generation   make, wrap, unwrap             profile      what the module can do, by trying
    importing    keys from outside, BYOK        algorithms   one row per JWA name
    key_release  exportable keys that leave     software     keys of `cryptography`
    symmetric    AES and HMAC                   envelope     sealed values
    decryption   RSA, with rsa_padding          session_objects  unwrapped with a template, destroyed after use

Facts about PKCS#11 and SoftHSM that shape this package: docs/reference/pkcs11-facts.md.
"""

"""The hardened boundary: plain Python over PKCS#11, no Django, no broker, no other app.

One `Hsm` object (`api.py`, the whole surface) lives in one thread of one process. It takes and gives `StoredKey`s
(`types.py`) and bytes; what an error asks of the caller, `errors.py` says. The promise: a key is never in clear outside
the HSM. It is made in there, extractable for the milliseconds until a master key has wrapped it (RFC 5649), and comes
back as a session object for one use that nobody can read, wrap or change. Software-protected keys are the exception,
and say so.

    api          make, take in, move, release   masters      WK-A, WK-S, WM, WK-H, WK-X: ceremony, check values
    uses         sign, verify, encrypt, ...     templates    the one builder of PKCS#11 templates
    device       open, canary, seal             module       loading, C_Initialize, login
    custody      believe, unwrap, remember      selftest     known answers before the first use
    generation   make, wrap, unwrap             profile      what the module can do, by trying
    importing    keys from outside, BYOK        algorithms   one row per JWA name
    releasing    exportable keys that leave     software     keys of `cryptography`
    symmetric    AES and HMAC                   envelope     sealed values
    decryption   RSA, with rsa_padding

Facts found by trial with python-pkcs11 0.10 and SoftHSM 2.6.1. They shape this package; its comments cite them.

 1. python-pkcs11 calls C_Initialize(NULL), upon which SoftHSM works without locks; two threads then crash the process.
 2. A template value of the wrong type, or a label with a lone surrogate, aborts the process instead of raising.
 3. Closing the session that was opened with the PIN logs the whole process out.
 4. An HSM that has gone looks like a missing key: a search finds nothing and reports no error.
 5. SoftHSM does not heal in the process: neither when its token comes back, nor when one appears after C_Initialize.
 6. Initialised again, or inherited through a fork, handle numbers repeat and mean other keys.
 7. Left to python-pkcs11, an AES key may wrap and decrypt, which gives any extractable key away (Clulow 2003).
 8. A private key unwrapped as a generic secret is its PKCS#8 in clear. CKA_UNWRAP_TEMPLATE on the master prevents it.
 9. RSA PKCS#1 v1.5 decryption fails on bad padding, and so answers Bleichenbacher's question.
10. Nearly every failure is CKR_GENERAL_ERROR: it cannot tell a wrong tag from a broken token. The canary can.
11. OAEP exists with SHA-1 only; for SHA-256 there is the raw RSA permutation.
12. A non-extractable key can never be wrapped, so one that is to be stored must be born extractable.
13. The key wrap fills up with zeros and wraps those too, where RFC 5649 carries the exact length.
14. CKA_DESTROYABLE=False is refused on session objects; in an unwrap, CKA_MODIFIABLE=False must come last.
15. An HMAC key shorter than the hash is refused, so that 256 bits make HS256 only, and 128 bits none.
"""

"""The hardened boundary: plain Python over PKCS#11, no Django, no broker, no other app.

One `Hsm` object (`api.py`, the whole interface) belongs to one thread of one process. It takes and returns
`StoredKey`s (`types.py`) and bytes; `errors.py` lists the errors by what the caller has to do. A key is never in clear
outside the HSM: it is generated there, extractable for the milliseconds until a master key has wrapped it (RFC 5649),
and unwrapped into a session object that allows one kind of operation and cannot be read, wrapped or changed. The
exceptions are software-protected keys.

    api              create, import, move, release                   decryption      RSA, with `rsa_padding`
    uses             sign, verify, encrypt, ...                      public_keys     SPKI, verification, encryption
    device           open, canary, seal                              masters         WK-A, WK-S, WM, WK-H, WK-X
    key_store        verify, unwrap, cache                           templates       all PKCS#11 templates
    handles          cache of unwrapped keys                         module          loading, C_Initialize, login
    session_objects  unwrapped with a template, destroyed after use  selftest        known answers before the first use
    binding          what the HMAC of a stored key covers            profile         what the module can do, by trial
    generation       generate, wrap, unwrap                          algorithms      one row per JWA name
    importing        keys from outside; `byok` writes a BYOK file    software        keys of `cryptography`
    key_release      exportable keys, encrypted to a recipient       envelope        sealed values
    symmetric        AES and HMAC                                    token_presence  exit code: is the token there?
    message_uses     Ed25519, ML-DSA, ML-KEM

Facts about PKCS#11 and SoftHSM that shape this package: docs/reference/pkcs11-facts.md.
"""

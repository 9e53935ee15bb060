"""What can go wrong. Every error of this library is an `EnvelopeError`; no message has a key or content."""


class EnvelopeError(Exception):
    """The base of all errors of this library."""


class VaultUnreachable(EnvelopeError):
    """No vault answered that could help: no connection, a timeout, throttling (429) or an error of the server (5xx)."""


class Refused(EnvelopeError):
    """A vault answered, and refused. A refusal is final: no other vault is asked instead."""


class AccessForbidden(Refused):
    """The application could not sign in, or has no role for this operation at this key."""


class KeyVersionDisabled(Refused):
    """The key version is disabled, or outside its dates for new data."""


class KeyNotFound(Refused):
    """The vault has no such key or version: it is deleted, or never existed."""


class KeyNotSuitable(Refused):
    """The key cannot wrap data keys: it is neither RSA (2048 bits or more) nor AES with 256 bits, or may not wrap."""


class KeyNotConfigured(EnvelopeError):
    """The ciphertext names no key that this client was configured with. Nothing was asked of any vault."""


class InvalidCiphertext(EnvelopeError):
    """The bytes cannot be decrypted with any key."""


class MalformedCiphertext(InvalidCiphertext):
    """The bytes are not a ciphertext of this library, or of a later version of its format."""


class TamperedCiphertext(InvalidCiphertext):
    """The ciphertext, or the context given for it, is not what was encrypted. It was changed, cut or exchanged."""


class MessageTooLarge(EnvelopeError):
    """A message has more than 64 GiB."""

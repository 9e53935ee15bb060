"""The errors of this library. Each is an `EnvelopeError`; no message has a key or content."""


class EnvelopeError(Exception):
    """The base of all errors of this library."""


class VaultUnreachable(EnvelopeError):
    """No vault with a copy answered, or fewer than `minimum_copies`.

    There was no connection, a timeout, throttling (429) or an error of the server (5xx).
    """


class Refused(EnvelopeError):
    """A vault refused the request. A refusal is final: no other vault is asked instead."""


class AccessForbidden(Refused):
    """The application could not sign in, or has no role for this operation at this key."""


class KeyVersionDisabled(Refused):
    """The key version is disabled, or outside its dates for new data."""


class KeyNotFound(Refused):
    """The vault has no such key or version: it is deleted, or never existed."""


class KeyNotSuitable(Refused):
    """The key cannot wrap data keys: it is neither RSA (2048 bits or more) nor AES with 256 bits, or may not wrap."""


class KeyNotConfigured(EnvelopeError):
    """The ciphertext names no key with which this client was configured. No vault was called."""


class InvalidCiphertext(EnvelopeError):
    """The bytes cannot be decrypted with any key."""


class MalformedCiphertext(InvalidCiphertext):
    """The bytes are not a ciphertext of this library, or one of a later version of its format."""


class TamperedCiphertext(InvalidCiphertext):
    """The ciphertext was changed, cut or exchanged, or was encrypted with another context."""


class MessageTooLarge(EnvelopeError):
    """A message has more than 64 GiB."""

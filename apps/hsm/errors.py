"""Failures of the boundary, by what the caller has to do about them.

CKR_* codes are mapped in one table. On SoftHSM nearly every failure is CKR_GENERAL_ERROR
(docs/reference/pkcs11-facts.md section 10), so that code alone says nothing: `translate_pkcs11_errors` asks the canary.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

import pkcs11


class HsmError(Exception):
    """Base of everything that the boundary raises."""


class DeviceFault(HsmError):
    """The device, token or login is gone. The process must reject requests and exit, to be restarted."""


class SelfTestFailed(DeviceFault):
    """The module gave a wrong answer to a question whose answer is published. It must not be used."""


class PinRefused(HsmError):
    """The PIN is wrong or locked. Stop for good: another try may lock the token."""


class MasterMissing(HsmError):
    """A master key is not in the token. Never made because it was not found."""


class MasterMismatch(HsmError):
    """A master key has another check value, or an id is there twice: not the key of the ceremony."""


class MastersExist(HsmError):
    """A ceremony was asked for a generation that the token already has."""


class UnsafeModule(HsmError):
    """The module does not honour a protection that wrapped custody rests on."""


class BindingMismatch(HsmError):
    """The stored key is not what its HMAC was made over, or not made for this use: the row was changed or moved."""


class UnwrapRefused(HsmError):
    """The module does not unwrap a key whose binding is genuine: it does not take our template or mechanism."""


class SealBroken(HsmError):
    """A sealed value does not open with this key and context."""


class BadCiphertext(HsmError):
    """The ciphertext does not open. Nothing says why."""


class BadParameter(HsmError):
    """A length or value that the caller got wrong; found before the HSM was touched."""


class UnsupportedAlgorithm(HsmError):
    """No such algorithm for this key."""


class OperationFailed(HsmError):
    """The device lives and refused: the input's fault, or the module lacks something."""


class Meaning(Enum):
    """What a CKR_* code tells the caller to do."""

    REOPEN = "the handle or session is stale: unwrap again, try once more"
    DEVICE = "the device, token or login is gone"
    PIN = "the PIN is refused"
    REFUSED = "the module refused this input or mechanism"
    UNCLEAR = "ask the canary"


_MEANINGS: tuple[tuple[Meaning, tuple[type[pkcs11.PKCS11Error], ...]], ...] = (
    (
        Meaning.REOPEN,
        (pkcs11.ObjectHandleInvalid, pkcs11.KeyHandleInvalid, pkcs11.SessionHandleInvalid, pkcs11.SessionClosed),
    ),
    (
        Meaning.DEVICE,
        (
            pkcs11.DeviceError,
            pkcs11.DeviceMemory,
            pkcs11.DeviceRemoved,
            pkcs11.TokenNotPresent,
            pkcs11.TokenNotRecognised,
            pkcs11.NoSuchToken,
            pkcs11.UserNotLoggedIn,
            pkcs11.HostMemory,
            pkcs11.WrappingKeyHandleInvalid,
            pkcs11.UnwrappingKeyHandleInvalid,
        ),
    ),
    (
        Meaning.PIN,
        (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinLocked, pkcs11.PinExpired),
    ),
    (
        Meaning.REFUSED,
        (
            pkcs11.ArgumentsBad,
            pkcs11.AttributeReadOnly,
            pkcs11.AttributeSensitive,
            pkcs11.AttributeTypeInvalid,
            pkcs11.AttributeValueInvalid,
            pkcs11.DataInvalid,
            pkcs11.DataLenRange,
            pkcs11.EncryptedDataInvalid,
            pkcs11.EncryptedDataLenRange,
            pkcs11.KeyNotWrappable,
            pkcs11.KeySizeRange,
            pkcs11.KeyTypeInconsistent,
            pkcs11.KeyUnextractable,
            pkcs11.MechanismInvalid,
            pkcs11.MechanismParamInvalid,
            pkcs11.TemplateInconsistent,
        ),
    ),
)


def meaning_of(error: pkcs11.PKCS11Error) -> Meaning:
    """Return the meaning of a code; unmapped codes are unclear, so the canary decides."""
    for meaning, classes in _MEANINGS:
        if isinstance(error, classes):
            return meaning
    return Meaning.UNCLEAR


@contextmanager
def translate_pkcs11_errors(canary: Callable[[], None], *, refused: type[HsmError] = OperationFailed) -> Iterator[None]:
    """Turn a PKCS#11 failure into ours. Raises `DeviceFault`, `PinRefused` or, when the device lives, `refused`.

    A stale handle counts as a fault here: code that can unwrap again handles it before.
    """
    try:
        yield
    except pkcs11.PKCS11Error as error:
        meaning = meaning_of(error)
        if meaning in (Meaning.DEVICE, Meaning.REOPEN):
            raise DeviceFault(f"the device reported {type(error).__name__}") from None
        if meaning is Meaning.PIN:
            raise PinRefused(f"the token refused the PIN ({type(error).__name__})") from None
        if meaning is Meaning.UNCLEAR:
            canary()
        raise refused(f"the module refused the operation ({type(error).__name__})") from None

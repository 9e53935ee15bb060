"""Bringing known keys into custody that the surface does not import: of any size, without proof, public halves alone."""

from cryptography.hazmat.primitives.asymmetric import rsa
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from apps.hsm import binding as bound
from apps.hsm import public_keys, templates
from apps.hsm.generation import CURVE_OIDS
from apps.hsm.types import Custody, StoredKey
from tests.support.known_answers import pkcs8


def adopt(hsm, vault_key, what, private):
    """A StoredKey for a private key of `cryptography`, in the custody of its binding."""
    public = public_keys.dump(private.public_key())
    if what.custody is Custody.SOFTWARE:
        blob = hsm.seal(vault_key, context=bound.software_context(what), plaintext=pkcs8(private))
    else:
        handle = hsm._session.create_object(template_of(private, what))
        masters = hsm._key_store.masters_for(what)
        blob = bytes(masters.private_wrapping.wrap_key(handle, mechanism=masters.key_wrap))
        handle.destroy()
    return hsm._key_store.bind(StoredKey(what, public, blob, b""))


def adopt_secret(hsm, what, value):
    """A StoredKey for known AES bytes."""
    handle = hsm._session.create_object(templates.known_secret(value))
    masters = hsm._key_store.masters_for(what)
    blob = bytes(masters.secret_wrapping.wrap_key(handle, mechanism=masters.key_wrap))
    handle.destroy()
    return hsm._key_store.bind(StoredKey(what, b"", blob, b""))


def adopt_public(hsm, what, public):
    """A StoredKey that can only verify and encrypt."""
    return hsm._key_store.bind(StoredKey(what, public_keys.dump(public), b"no private half", b""))


def template_of(private, what):
    def number(value):
        return value.to_bytes((value.bit_length() + 7) // 8)

    template = {
        Attribute.CLASS: ObjectClass.PRIVATE_KEY,
        Attribute.TOKEN: False,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: True,
    }
    numbers = private.private_numbers()
    if isinstance(private, rsa.RSAPrivateKey):
        return template | {
            Attribute.KEY_TYPE: KeyType.RSA,
            Attribute.MODULUS: number(numbers.public_numbers.n),
            Attribute.PUBLIC_EXPONENT: number(numbers.public_numbers.e),
            Attribute.PRIVATE_EXPONENT: number(numbers.d),
            Attribute.PRIME_1: number(numbers.p),
            Attribute.PRIME_2: number(numbers.q),
            Attribute.EXPONENT_1: number(numbers.dmp1),
            Attribute.EXPONENT_2: number(numbers.dmq1),
            Attribute.COEFFICIENT: number(numbers.iqmp),
        }
    return template | {
        Attribute.KEY_TYPE: KeyType.EC,
        Attribute.EC_PARAMS: encode_named_curve_parameters(CURVE_OIDS[what.parameter]),
        Attribute.VALUE: number(numbers.private_value),
    }

"""How much work the password of a container asks for, as far as its bytes show it. Pure.

It gives the better answer ("hashes its password too often") before a process is spent on the file. The bound is that
process's (`apps.core.limited_process`): what the password decrypts may ask for more.
"""

from typing import NamedTuple

MOST_ROUNDS = 1_000_000
MOST_MEMORY = 32 * 1024 * 1024  # bytes, of scrypt

_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_PBES1 = bytes.fromhex("2a864886f70d0105")  # PKCS#5: 1.2.840.113549.1.5.*
_PKCS12 = bytes.fromhex("2a864886f70d010c01")  # 1.2.840.113549.1.12.1.*
_SEQUENCE, _INTEGER, _OCTETS, _OID, _CONSTRUCTED = 0x30, 0x02, 0x04, 0x06, 0x20
_DEEPEST = 24
_MOST_VALUES = 50_000


class _Value(NamedTuple):
    tag: int
    content: bytes


def is_too_much(der: bytes) -> bool:
    """Tell whether a part of the container, wherever it stands, asks for more than is done for one."""
    count, levels = 0, [(der, _DEEPEST)]
    while levels:
        data, depth = levels.pop()
        values = _parse(data)
        count += len(values)
        if count > _MOST_VALUES:
            return True
        for value in values:
            if value.tag == _SEQUENCE and _asks_too_much(_parse(value.content)):
                return True
            if depth and (value.tag & _CONSTRUCTED or value.tag == _OCTETS):  # an octet string may hold an encoding
                levels.append((value.content, depth - 1))
    return False


def _asks_too_much(sequence: list[_Value]) -> bool:
    if len(sequence) == 3 and [value.tag for value in sequence] == [_SEQUENCE, _OCTETS, _INTEGER]:
        return _number(sequence[2]) > MOST_ROUNDS  # MacData, RFC 7292 section 4
    if len(sequence) < 2 or sequence[0].tag != _OID or sequence[1].tag != _SEQUENCE:
        return False
    kind, parameters = sequence[0].content, _parse(sequence[1].content)
    numbers = [_number(value) for value in parameters if value.tag == _INTEGER]
    if kind == _SCRYPT and len(numbers) >= 3:
        return numbers[0] * numbers[1] * 128 > MOST_MEMORY or numbers[0] * numbers[1] * numbers[2] > MOST_ROUNDS
    if kind == _PBKDF2 or kind.startswith((_PBES1, _PKCS12)):
        return any(number > MOST_ROUNDS for number in numbers)
    return False


def _parse(der: bytes) -> list[_Value]:
    """The values of an encoding one after another; those before the first that is none, and no more than count."""
    values: list[_Value] = []
    at = 0
    while at + 2 <= len(der) and len(values) <= _MOST_VALUES:
        tag, size, start = der[at], der[at + 1], at + 2
        if size > 0x80:
            start += size & 0x7F
            size = int.from_bytes(der[at + 2 : start])
        elif size == 0x80:  # without a length: up to the end
            size = len(der) - start
        if tag & 0x1F == 0x1F or start + size > len(der):
            break
        values.append(_Value(tag, der[start : start + size]))
        at = start + size
    return values


def _number(value: _Value) -> int:
    return int.from_bytes(value.content)

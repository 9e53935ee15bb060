"""The tree of RFC 6962: known answers, and every proof against the definition."""

import base64
import hashlib
import random

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.audit_log.auditverify import (
    EMPTY_ROOT,
    BadNote,
    Checkpoint,
    Frontier,
    Verifier,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    open_note,
    signed_note,
    subtree_root,
    vkey_of,
)
from apps.audit_log.proofs import inclusion_proof
from tests.audit_log.reference_proofs import consistency_proof, root_of

# The reference inputs, roots and proofs of the Certificate Transparency implementations (merkle_tree_test).
INPUTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # (index, size): path
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {  # (first, second): path
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def by_definition(leaves):
    """MTH of RFC 6962 section 2.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def path_by_definition(index, leaves):
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path_by_definition(index, leaves[:split]), by_definition(leaves[split:])]
    return [*path_by_definition(index - split, leaves[split:]), by_definition(leaves[:split])]


def subproof_by_definition(first, leaves, whole=True):
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if first == len(leaves):
        return [] if whole else [by_definition(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if first <= split:
        return [*subproof_by_definition(first, leaves[:split], whole), by_definition(leaves[split:])]
    return [*subproof_by_definition(first - split, leaves[split:], False), by_definition(leaves[:split])]


def leaves_of(count):
    return [leaf_hash(b"%d" % number) for number in range(count)]


def subtrees_over(leaves):
    return lambda height, index: subtree_root(b"".join(leaves[index << height : (index + 1) << height]))


def test_roots_are_those_of_the_reference():
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    frontier, leaves = Frontier(), [leaf_hash(content) for content in INPUTS]
    for size, root in enumerate(ROOTS, 1):
        frontier.add(leaves[size - 1])
        assert frontier.root().hex() == root
        assert root_of(size, subtrees_over(leaves)).hex() == root


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference(index, size):
    leaves = [leaf_hash(content) for content in INPUTS]
    path = [bytes.fromhex(text) for text in INCLUSION[index, size]]
    assert inclusion_proof(index, size, subtrees_over(leaves)) == path
    assert check_inclusion(leaves[index], index, size, path, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("first", "second"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference(first, second):
    leaves = [leaf_hash(content) for content in INPUTS]
    path = [bytes.fromhex(text) for text in CONSISTENCY[first, second]]
    assert consistency_proof(first, second, subtrees_over(leaves)) == path
    assert check_consistency(first, second, path, bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(ROOTS[second - 1]))


@pytest.mark.slow
def test_all_proofs_of_all_trees_to_130_are_those_of_the_definition():
    leaves = leaves_of(130)
    subtree, roots = subtrees_over(leaves), [by_definition(leaves[:size]) for size in range(131)]
    for size in range(1, 131):
        for index in range(size):
            path = inclusion_proof(index, size, subtree)
            assert check_inclusion(leaves[index], index, size, path, roots[size])
            assert not check_inclusion(leaves[index], index, size, path, roots[size - 1])
            assert not check_inclusion(leaves[index - 1], index, size, path, roots[size]) or size == 1
            assert not check_inclusion(leaves[index], index, size, [*path, roots[1]], roots[size])
            if size % 13 == 0:
                assert path == path_by_definition(index, leaves[:size])
        for first in range(size + 1):
            path = consistency_proof(first, size, subtree)
            assert check_consistency(first, size, path, roots[first], roots[size])
            assert not check_consistency(first, size, path, roots[first], roots[size - 1]) or not first
            if path:
                assert not check_consistency(first, size, path[:-1], roots[first], roots[size])
                assert not check_consistency(first, size, path, roots[first - 1], roots[size])
            if size % 13 == 0 and first:
                assert path == subproof_by_definition(first, leaves[:size])


def test_a_frontier_grows_the_same_one_by_one_and_in_bulk():
    leaves = leaves_of(700)
    for start, end in [(0, 0), (0, 1), (0, 700), (1, 700), (255, 257), (256, 512), (300, 301), (511, 699)]:
        one, bulk = Frontier(), Frontier()
        for leaf in leaves[:end]:
            one.add(leaf)
        bulk.extend(b"".join(leaves[:start]))
        bulk.extend(b"".join(leaves[start:end]))
        assert (bulk.size, bulk.hashes) == (one.size, one.hashes)
        assert bulk.root() == by_definition(leaves[:end])
        assert Frontier(bulk.size, bulk.hashes).root() == bulk.root()
    with pytest.raises(ValueError, match="3 leaves has 2 subtrees"):
        Frontier(3, [EMPTY_ROOT])


def test_big_trees_are_proved_from_tiles():
    chance, size = random.Random(6962), 140_003
    leaves = leaves_of(size)
    kept, tall = {0: leaves, 8: [], 16: [], 24: []}, Frontier()
    for leaf in leaves:
        for height, _, node in tall.append(leaf):
            if height in kept:
                kept[height].append(node)
    asked = []

    def subtree(height, index):
        base = height - height % 8
        count = 1 << (height - base)
        nodes = kept[base][index * count : (index + 1) * count]
        asked.append(count)
        return subtree_root(b"".join(nodes))

    assert root_of(size, subtree) == tall.root()
    for _ in range(60):
        second = chance.randrange(2, size + 1)
        first, index = chance.randrange(1, second), chance.randrange(second)
        old, new = root_of(first, subtree), root_of(second, subtree)
        path = inclusion_proof(index, second, subtree)
        assert check_inclusion(leaves[index], index, second, path, new)
        assert not check_inclusion(leaves[index], index, second, path, old)
        path = consistency_proof(first, second, subtree)
        assert check_consistency(first, second, path, old, new)
        assert not check_consistency(first, second, path, new, old)
    assert max(asked) <= 128


def test_proofs_of_what_cannot_be_are_refused():
    subtree = subtrees_over(leaves_of(8))
    for index, size in [(8, 8), (-1, 8), (0, 0)]:
        with pytest.raises(ValueError):
            inclusion_proof(index, size, subtree)
        assert not check_inclusion(EMPTY_ROOT, index, size, [], EMPTY_ROOT)
    with pytest.raises(ValueError):
        consistency_proof(9, 8, subtree)
    proof, half = inclusion_proof(0, 8, subtree), subtree(2, 0)
    assert check_inclusion(subtree(0, 0), 0, 4, proof[:2], half)
    assert not check_inclusion(subtree(0, 0), 0, 8, proof[:2], half)  # too short for a tree of 8
    assert not check_consistency(9, 8, [], EMPTY_ROOT, EMPTY_ROOT)
    assert not check_consistency(-1, 8, [EMPTY_ROOT], EMPTY_ROOT, EMPTY_ROOT)
    assert node_hash(EMPTY_ROOT, EMPTY_ROOT) != leaf_hash(EMPTY_ROOT + EMPTY_ROOT)


@pytest.fixture(scope="module")
def signer():
    return ec.generate_private_key(ec.SECP256R1())


def public(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_a_note_opens_with_its_key_alone_and_each_flipped_bit_closes_it(signer):
    point = Checkpoint("vault-portal/x", 7, leaf_hash(b"root"), "2026-11-24T14:39:06.123456Z")
    signature = signer.sign(point.text().encode(), ec.ECDSA(hashes.SHA256()))
    note = signed_note(point.text(), "audit", public(signer), signature)
    mine = Verifier.parse(vkey_of("audit", public(signer)))
    other = Verifier.parse(vkey_of("audit", public(ec.generate_private_key(ec.SECP256R1()))))
    assert open_note(note, [other, mine]) == point
    with pytest.raises(BadNote, match="not signed by the given key"):
        open_note(note, [other])
    data = note.encode()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadNote):
            open_note(flipped.decode(errors="replace"), [mine])
    for length in range(len(note)):
        with pytest.raises(BadNote):
            open_note(note[:length], [mine])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        "a+00000000+AA==",
        "a+00000000+AgAA",
        "a+zz+Ag==",
        "audit+00000000+" + base64.b64encode(b"\x01").decode(),
    ],
)
def test_a_verifier_key_that_is_none_is_refused(vkey):
    with pytest.raises(BadNote):
        Verifier.parse(vkey)


def test_a_verifier_key_must_be_on_p256_and_have_its_own_id(signer):
    good = vkey_of("audit", public(signer))
    with pytest.raises(BadNote, match="id does not fit"):
        Verifier.parse(good.replace(good.split("+")[1], "01234567", 1))
    with pytest.raises(BadNote, match="P-256"):
        Verifier.parse(vkey_of("audit", public(ec.generate_private_key(ec.SECP384R1()))))

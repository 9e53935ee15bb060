"""No bit of an export can change without being found and named."""

import json
import random
from pathlib import Path

import pytest

from apps.audit_log import auditverify
from apps.audit_log.auditverify import object_name, read_line
from tests.support.signed_exports import Maker, findings, flipped

pytestmark = pytest.mark.slow


def test_each_bit_of_a_row_counts():
    """Every byte of every row, one bit of it after the other: the row is named, and no other than its neighbour."""
    maker = Maker(Path("unused")).add(300)
    entries = [read_line(line) for line in maker.lines]
    assert [entry.leaf for entry in entries] == maker.leaves and [entry.id for entry in entries] == maker.ids
    assert list(auditverify.compare(maker.log, 0, b"".join(maker.leaves), entries)) == []
    for seq, line in enumerate(maker.lines):
        for byte in range(len(line)):
            entry = read_line(flipped(line, byte * 8 + (byte + seq) % 8))
            assert (entry.leaf, entry.seq) != (maker.leaves[seq], seq), (seq, byte)


def test_each_flipped_row_is_named_within_its_segment():
    chance, maker = random.Random(5), Maker(Path("unused")).add(300)
    entries = [read_line(line) for line in maker.lines]
    for seq, line in enumerate(maker.lines):
        first = seq // 50 * 50
        near, leaves = entries[first : first + 50], b"".join(maker.leaves[first : first + 50])
        for bit in chance.sample(range(8 * len(line)), 24):
            pieces = flipped(line, bit).splitlines(keepends=True) if bit // 8 == len(line) - 1 else [flipped(line, bit)]
            near[seq - first : seq - first + 1] = map(read_line, pieces)
            found = list(auditverify.compare(maker.log, first, leaves, near))
            assert [(finding.problem, finding.seq) for finding in found] == [("altered", seq)], bit
            near[seq - first : seq - first + 1] = [entries[seq]]


@pytest.mark.parametrize("kind", ["segments", "leaves", "manifests"])
def test_each_flipped_bit_of_an_object_is_found_and_the_object_or_its_records_named(tmp_path, kind):
    maker = Maker(tmp_path)
    for size in (3, 2):
        maker.add(size).write()
    assert findings(maker) == []
    for index, (first, last) in enumerate(maker.names):
        name = object_name(kind, first, last)
        path = maker.root / name
        good = path.read_bytes()
        for byte in range(len(good)):
            path.write_bytes(flipped(good, byte * 8 + (byte + index) % 8))
            found = findings(maker)
            assert found, (name, byte)
            assert any(name in finding.sentence for finding in found), (name, byte, found)
            if kind == "leaves":
                assert len(found) == 1
            if kind == "manifests":
                assert all(finding.problem not in {"missing", "extra", "reordered", "gap"} for finding in found)
                assert all(finding.seq is None or finding.problem == "checkpoint" for finding in found), (byte, found)
        path.write_bytes(good)
    assert findings(maker) == []


@pytest.mark.parametrize("change", ["upper", "more", "wrong"])
def test_a_start_has_one_spelling_and_gives_the_signed_root(tmp_path, change):
    maker = Maker(tmp_path).add(3).write().add(2).write()
    path = maker.root / object_name("manifests", 3, 4)
    manifest = json.loads(path.read_bytes())
    start = manifest["start"]
    if change == "upper":
        start["frontier"] = [part.upper() for part in start["frontier"]]
    elif change == "more":
        start["more"] = 1
    else:
        start["frontier"].reverse()
    path.write_bytes(auditverify.canonical(manifest))
    (finding,) = findings(maker)
    output = "the frontier does not give the signed root" if change == "wrong" else "not spelled as it must be"
    assert (finding.problem, finding.seq) == ("checkpoint", None) and output in finding.sentence


def test_a_segment_whose_end_alone_is_cut_is_named(tmp_path):
    maker = Maker(tmp_path).add(3).write()
    path = maker.root / object_name("segments", 0, 2)
    path.write_bytes(path.read_bytes()[:-4])
    found = findings(maker)
    assert [finding.problem for finding in found] == ["altered", "unreadable"]
    assert all(path.name in finding.sentence for finding in found)


@pytest.mark.parametrize(
    "change",
    [(b'"version":1}', b'"version":1}\n'), (b'"first":0', b'"first": 0'), (b'"first":0', b'"first":9,"first":0')],
)
def test_a_manifest_has_one_spelling(tmp_path, change):
    maker = Maker(tmp_path).add(3).write()
    path = maker.root / object_name("manifests", 0, 2)
    path.write_bytes(path.read_bytes().replace(*change))
    (finding,) = findings(maker)
    assert (finding.problem, finding.seq) == ("manifest", None) and "spelling" in finding.sentence

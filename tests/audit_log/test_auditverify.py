"""An export is good, or auditverify says what is wrong with it, and with it alone."""

import json
import random
import shutil
from pathlib import Path

import pytest

from apps.audit_log import auditverify
from apps.audit_log.auditverify import WriterCheck, object_name, read_line
from tests.audit_log.conftest import SIZES
from tests.support.signed_exports import Maker, Signer, findings, flipped, named


def one(maker, **options):
    return {(problem, seq) for problem, seq, _ in named(findings(maker, **options))}


def lines_of(maker, index):
    first, last = maker.names[index]
    return maker.lines[first : last + 1]


def test_a_good_export_is_good(made):
    assert findings(made) == []


# --- One who controls the storage changes lines, and makes all the rest fit that can be made to fit ---


@pytest.mark.parametrize("seq", [0, 4, 5, 9, 13, 22])
def test_an_altered_record_is_named_and_no_other(made, seq):
    index = next(i for i, (first, last) in enumerate(made.names) if first <= seq <= last)
    lines = lines_of(made, index)
    place = seq - made.names[index][0]
    lines[place] = lines[place].replace(b'"resultSignature":"OK"', b'"resultSignature":"No"')
    made.rewrite(index, lines)
    (finding,) = findings(made)
    assert (finding.problem, finding.seq, finding.id, finding.log) == ("altered", seq, made.ids[seq], made.log)


def test_several_altered_records_are_all_named(made):
    for index, bad in [(1, [5, 6, 12]), (3, [14, 20])]:
        lines, first = lines_of(made, index), made.names[index][0]
        for seq in bad:
            lines[seq - first] = lines[seq - first].replace(b"KeySign", b"KeySigh")
        made.rewrite(index, lines)
    assert one(made) == {("altered", seq) for seq in (5, 6, 12, 14, 20)}


@pytest.mark.parametrize("seq", [5, 8, 12])
def test_a_deleted_record_is_missing(made, seq):
    lines = lines_of(made, 1)
    del lines[seq - 5]
    made.rewrite(1, lines)
    assert named(findings(made)) == [("missing", seq, None)]


@pytest.mark.parametrize("place", [0, 3, 8])
def test_an_inserted_record_is_extra(made, tmp_path, place):
    strange = Maker(tmp_path / "other").add(30).lines[29].replace(b'"seq":29', b'"seq":%d' % (5 + place))
    lines = lines_of(made, 1)
    lines.insert(place, strange)
    made.rewrite(1, lines)
    (finding,) = findings(made)
    assert (finding.problem, finding.seq, finding.id) == ("extra", 5 + place, "0193a1b2-2222-7000-8000-00000000001d")


@pytest.mark.parametrize("place", [0, 2, 3, 5, 8])
def test_a_repeated_record_is_extra(made, place):
    lines = lines_of(made, 1)
    lines.insert(place, lines[3])
    made.rewrite(1, lines)
    (finding,) = findings(made)
    assert (finding.problem, finding.seq, finding.id) == ("extra", 8, made.ids[8])
    assert f"line {5 if place == 3 else place + 1}, " in finding.sentence


@pytest.mark.parametrize(("a", "b"), [(0, 1), (0, 7), (2, 5), (6, 7)])
def test_two_records_that_changed_places_are_both_named(made, a, b):
    lines = lines_of(made, 1)
    lines[a], lines[b] = lines[b], lines[a]
    made.rewrite(1, lines)
    assert one(made) == {("reordered", 5 + a), ("reordered", 5 + b)}


def test_a_record_that_moved_is_named_alone(made):
    lines = lines_of(made, 3)
    lines.insert(7, lines.pop(1))
    made.rewrite(3, lines)
    assert one(made) == {("reordered", 15)}


def test_all_kinds_at_once_are_told_apart(made):
    lines = lines_of(made, 3)  # 14 to 22
    lines[1] = lines[1].replace(b'"durationMs":15', b'"durationMs":51')
    lines[5], lines[7] = lines[7], lines[5]
    lines[8:] = [lines[8], b"{}\n"]
    del lines[3]
    made.rewrite(3, lines)
    assert named(findings(made)) == [
        ("altered", 15, None),
        ("reordered", 21, None),
        ("reordered", 19, None),
        ("extra", None, None),
        ("missing", 17, None),
    ]


def test_an_altered_record_beside_a_deleted_one_is_told_from_it(made):
    lines = lines_of(made, 1)
    lines[2] = lines[2].replace(b"KeySign", b"KeySigh")
    del lines[1]
    made.rewrite(1, lines)
    assert named(findings(made)) == [("altered", 7, None), ("missing", 6, None)]


def test_a_number_that_a_line_gives_itself_is_checked(made):
    lines = lines_of(made, 1)
    lines[2] = lines[2].replace(b'"seq":7,', b'"seq":8,')
    made.rewrite(1, lines)
    assert named(findings(made)) == [("altered", 7, None)]


def test_a_line_and_its_leaf_changed_together_leave_the_segment_unproven(made):
    lines, name = lines_of(made, 1), object_name("leaves", 5, 12)
    lines[2] = lines[2].replace(b"KeySign", b"KeySigh")
    made.rewrite(1, lines)
    leaves = b"".join(read_line(line).leaf for line in lines)
    (made.root / name).write_bytes(leaves)
    made.rechain({(5, 12): {"leaves": leaves}})
    assert named(findings(made)) == [("checkpoint", 5, 12)]


def test_leaves_alone_that_were_changed_are_named(made):
    path = made.root / object_name("leaves", 5, 12)
    leaves = flipped(path.read_bytes(), 77)
    path.write_bytes(leaves)
    made.rechain({(5, 12): {"leaves": leaves}})
    (finding,) = findings(made)
    assert (finding.problem, finding.seq) == ("altered", None) and "leaves/0000000000000005" in finding.sentence


def test_any_mixture_of_changes_is_named_exactly():
    """2 000 segments of 120 records, in each of which up to eight records, not neighbours, meet with something."""
    chance, maker = random.Random(8), Maker(Path("unused")).add(120)
    strange = Maker(Path("unused"), log=maker.log).add(120)
    strange.ids = [read_line(line).id for line in strange.lines]
    entries, leaves = [read_line(line) for line in maker.lines], b"".join(maker.leaves)
    for _ in range(2000):
        here, expected, count = [[entry] for entry in entries], set(), 0
        for seq in chance.sample(range(1, 119, 4), chance.randrange(9)):
            act = chance.choice(
                ["altered", "unreadable", "missing", "extra", "repeated", "swapped", "renumbered", "scrap"]
            )
            if act == "altered":
                here[seq] = [read_line(maker.lines[seq].replace(b"KeySign", b"KeySigh"))]
            elif act == "unreadable":
                here[seq] = [read_line(b"{}")]
            elif act == "renumbered":
                here[seq] = [entries[seq]._replace(seq=seq + 50)]
            elif act == "missing":
                here[seq] = []
            elif act == "extra":
                here[seq].append(read_line(strange.lines[seq]))
            elif act == "scrap":
                here[seq].append(read_line(b"\n"))
            elif act == "repeated":
                here[seq] *= 2
            else:
                here[seq], here[seq + 1] = here[seq + 1], here[seq]
                expected.add(("reordered", seq + 1))
            names = {"unreadable": "altered", "renumbered": "altered", "repeated": "extra", "swapped": "reordered"}
            expected.add(("extra", None) if act == "scrap" else (names.get(act, act), seq))
            count += 1 + (act == "swapped")
        found = list(auditverify.compare(maker.log, 0, leaves, [entry for row in here for entry in row]))
        assert {(finding.problem, finding.seq) for finding in found} == expected
        assert len(found) == count


def test_a_record_of_another_log_is_not_one_of_this(tmp_path):
    maker = Maker(tmp_path).add(3)
    maker.log = "0193a1b2-0000-7000-8000-00000000eeee"
    maker.add(1)
    maker.log = "0193a1b2-0000-7000-8000-00000000abcd"
    maker.add(2).write()
    assert named(findings(maker)) == [("extra", 3, None)]
    lines = list(maker.lines)
    lines[1] = lines[1].replace(b"KeySign", b"KeySigh")
    maker.rewrite(0, lines)
    assert one(maker) == {("extra", 3), ("altered", 1)}


def test_a_signature_that_anybody_adds_to_a_checkpoint_is_found(made):
    path = made.root / object_name("manifests", 14, 22)
    manifest = json.loads(path.read_bytes())
    manifest["checkpoint"] += "\N{EM DASH} witness AAAAAAAA\n"
    path.write_bytes(auditverify.canonical(manifest))
    assert [finding.problem for finding in findings(made)] == ["checkpoint", "checkpoint"]


# --- Objects ---


@pytest.mark.parametrize("index", range(4))
def test_a_missing_segment_is_named_with_its_records(made, index):
    first, last = made.names[index]
    (made.root / object_name("segments", first, last)).unlink()
    assert named(findings(made)) == [("missing", first, last)]


@pytest.mark.parametrize("index", range(4))
def test_missing_leaves_are_named_and_the_lines_still_checked(made, index):
    first, last = made.names[index]
    (made.root / object_name("leaves", first, last)).unlink()
    assert named(findings(made)) == [("missing", None, None)]


@pytest.mark.parametrize("index", range(3))
def test_a_missing_manifest_is_named_with_its_records(made, index):
    first, last = made.names[index]
    (made.root / object_name("manifests", first, last)).unlink()
    found = findings(made)
    assert ("missing", first, last) in named(found)
    assert {problem for problem, seq, _ in named(found) if seq is None} == {"extra"}  # its two objects


def test_a_renamed_object_is_missing_there_and_extra_here(made):
    for kind in ("segments", "leaves"):
        path = made.root / object_name(kind, 5, 12)
        path.rename(path.with_name("0000000000000006-0000000000000012" + "".join(path.suffixes)))
    found = findings(made)
    assert sorted(named(found), key=str) == sorted(
        [("missing", 5, 12), ("missing", None, None), ("extra", None, None), ("extra", None, None)], key=str
    )


def test_a_renamed_manifest_is_found(made):
    (made.root / object_name("manifests", 5, 12)).rename(made.root / object_name("manifests", 5, 11))
    found = findings(made)
    assert any(
        finding.problem == "manifest" and "00000000000011.json: its last" in finding.sentence for finding in found
    )


def test_a_renamed_vault_and_a_renamed_log_are_found(made):
    made.root.parent.rename(made.folder / "payrolls")
    made.vault = "payrolls"
    found = findings(made)
    assert len(found) == 4 and all("vault is not" in finding.sentence for finding in found)
    made.root.rename(made.root.parent / made.log.replace("abcd", "abce"))
    made.log = made.log.replace("abcd", "abce")
    assert {("checkpoint", None), ("manifest", None), ("extra", 0), ("extra", 22)} <= one(made)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_a_truncated_segment_cannot_be_read_from_a_record_on(tmp_path, share):
    maker = Maker(tmp_path).add(2000).write().add(5).write()
    path = maker.root / object_name("segments", 0, 1999)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    found = findings(maker)
    assert [finding.problem for finding in found] == ["altered", "unreadable"]
    assert found[1].last == 1999 and abs(found[1].seq - 2000 * share) < 150


@pytest.mark.parametrize("kind", ["leaves", "manifests"])
def test_truncated_objects_are_named(made, kind):
    path = made.root / object_name(kind, 5, 12)
    path.write_bytes(path.read_bytes()[:-1])
    found = findings(made)
    assert found and any(object_name(kind, 5, 12) in finding.sentence for finding in found)
    assert all(finding.seq is None for finding in found)


def test_a_record_is_named_also_where_the_manifest_cannot_be_read(made):
    lines = lines_of(made, 1)
    lines[4] = lines[4].replace(b"KeySign", b"KeySigh")
    made.rewrite(1, lines)
    (made.root / object_name("manifests", 5, 12)).write_bytes(b"{")
    assert ("altered", 9) in one(made)
    assert {seq for _, seq in one(made)} == {9, None}


def test_an_old_manifest_in_place_of_a_new_one_is_found(made):
    shutil.copy(made.root / object_name("manifests", 0, 4), made.root / object_name("manifests", 5, 12))
    found = findings(made)
    assert ("checkpoint", None) in {(finding.problem, finding.seq) for finding in found}
    assert any("checkpoint is of 5 records" in finding.sentence for finding in found)


def test_an_old_checkpoint_in_a_new_manifest_is_found(made):
    path = made.root / object_name("manifests", 14, 22)
    manifest = json.loads(path.read_bytes())
    manifest["checkpoint"] = made.notes[14]
    path.write_bytes(auditverify.canonical(manifest))
    assert named(findings(made)) == [("checkpoint", None, None), ("checkpoint", 14, 22)]


def test_a_checkpoint_of_another_key_is_not_believed(made):
    made.signer = Signer()
    found = findings(made)
    assert {finding.problem for finding in found} == {"checkpoint"} and len(found) > 4


def test_a_rewritten_history_with_signed_roots_is_found_at_the_seam(made, tmp_path):
    """Two logs of the same id, both signed: the second half of one cannot follow the first half of the other."""
    other = Maker(tmp_path / "other", signer=made.signer)
    for size in SIZES:
        other.add(size).write()
    for kind in auditverify.KINDS:
        shutil.copy(other.root / object_name(kind, 14, 22), made.root / object_name(kind, 14, 22))
    found = findings(made)
    assert [finding.problem for finding in found] == ["manifest", "checkpoint"]
    assert "another one" in found[1].sentence


def test_an_export_that_begins_later_is_good_only_when_one_says_so(made):
    for kind in auditverify.KINDS:
        for first, last in made.names[:2]:
            (made.root / object_name(kind, first, last)).unlink()
    assert named(findings(made)) == [("missing", 0, 12)]
    assert findings(made, partial=True) == []
    (made.root / object_name("leaves", 13, 13)).write_bytes(bytes(32))
    assert len(findings(made, partial=True)) == 1


# --- Writers' numbers ---


def test_a_record_deleted_before_it_was_signed_is_a_hole(tmp_path):
    maker = Maker(tmp_path).add(20, skip={7}).write().add(5, skip={20}).write()
    found = findings(maker)
    assert [(finding.problem, finding.seq, finding.id) for finding in found] == [
        ("gap", 7, maker.ids[7]),
        ("gap", 20, maker.ids[20]),
    ]
    assert "number 3 is missing" in found[0].sentence


def test_a_hole_beside_an_altered_record_is_still_named(tmp_path):
    maker = Maker(tmp_path).add(30, skip={20}).write()
    lines = list(maker.lines)
    lines[4] = lines[4].replace(b"KeySign", b"KeySigh")
    maker.rewrite(0, lines)
    assert one(maker) == {("altered", 4), ("gap", 20)}


def test_numbers_may_come_out_of_order_and_not_twice():
    check = WriterCheck("log")
    for seq, number in enumerate([1, 4, 3, 2, 5]):
        check.add(seq, "", "w", number)
    assert list(check.findings()) == []
    check.add(5, "id", "w", 3)
    check.add(6, "id6", "w", 9)
    check.add(7, "", "w", 7)
    assert [(found.problem, found.seq) for found in check.findings()] == [("extra", 5), ("gap", 6), ("gap", 6)]
    check.lose(5, 5)
    assert [(found.problem, found.seq) for found in check.findings()] == [("extra", 5)]
    partial = WriterCheck("log", whole=False)
    for seq, number in enumerate([7, 6, 8, 10]):
        partial.add(seq, "", "w", number)
    assert [found.problem for found in partial.findings()] == ["gap"]


def test_a_frontier_whose_hashes_are_cut_elsewhere_is_refused(made):
    """left + right is hashed as one text: 31 and 33 bytes give the same root as 32 and 32."""
    path = made.root / object_name("manifests", 5, 12)
    manifest = json.loads(path.read_bytes())
    both = "".join(manifest["start"]["frontier"])
    manifest["start"]["frontier"] = [both[:62], both[62:]]
    path.write_bytes(auditverify.canonical(manifest))
    assert "not spelled as it must be" in findings(made)[0].sentence


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"7", b"[" * 100_000, b'{"start": 5}', b'{"a": NaN, "b": "\\ud800"}', b"\xff"]
)
def test_a_manifest_of_nonsense_is_named(made, data):
    (made.root / object_name("manifests", 14, 22)).write_bytes(data)
    found = findings(made)
    assert "manifest" in {finding.problem for finding in found}
    assert ("checkpoint", 14, 22) in named(found)

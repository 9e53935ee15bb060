"""Whatever somebody does to the rows, with all rights on the database, the check finds it and names it."""

import datetime as dt
import uuid

import pytest

from apps.audit_log.auditverify import open_note
from apps.audit_log.models import Checkpoint, Leaf, Log, Tile
from apps.audit_log.records import HEADER_COLUMNS

ROWS = 300  # more than a tile (256), and more than the bits of any column but the sealed ones
HEADER = ", ".join(HEADER_COLUMNS)
COLUMNS = [*HEADER_COLUMNS, "commitment", "sealed", "xid::text"]


@pytest.fixture
def full(log):
    log.write(ROWS, batch=75)
    assert log.check() == []
    return log


def flipped(value, bit):
    """The value with one bit turned, still one that PostgreSQL takes for this column."""
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int ^ (1 << (bit % 128)))
    if isinstance(value, memoryview | bytes):
        data = bytearray(value)
        data[bit // 8 % len(data)] ^= 1 << (bit % 8)
        return bytes(data)
    if isinstance(value, dt.datetime):
        return value + dt.timedelta(microseconds=1 << (bit % 40))
    if isinstance(value, str):
        data = bytearray(value.encode())
        data[bit // 3 % len(data)] ^= 1 << (bit % 3)
        return data.decode()
    return value


def turned(column, value, bit):
    if column == "phase":
        return ("attempt", "denial")[bit % 2]
    if column == "xid::text":
        return str(int(value) ^ (1 << (bit % 40)))
    if isinstance(value, int):
        width = {"status": 14, "number": 40}.get(column, 62)
        return value ^ (1 << (bit % width))
    return flipped(value, bit)


MOVING = ("id", "log_id")  # a row whose id is changed is named as missing, and there is no way back
STAYING = [column for column in COLUMNS if column not in MOVING]


@pytest.mark.parametrize("columns", [*([column] for column in MOVING), STAYING], ids=[*MOVING, "all others"])
def test_each_bit_of_each_column_is_covered(full, attacker, columns):
    """All rows a round, each with another bit turned: every one is named, and no other."""
    for column in columns:
        turn_all_bits(full, attacker, column)


def turn_all_bits(full, attacker, column):
    name, cast = column.removesuffix("::text"), "::text::xid8" if column == "xid::text" else ""
    rows = full.rows(f"e.{name}{'::text' if cast else ''}, e.id, l.seq")
    size = max(len(bytes(row[0])) * 8 if isinstance(row[0], memoryview | bytes) else 1 for row in rows)
    for start in range(0, size, ROWS):
        with attacker.cursor() as cursor:
            cursor.executemany(
                f"UPDATE audit_event SET {name} = %s{cast} WHERE id = %s",
                [(turned(column, value, start + at), key) for at, (value, key, _) in enumerate(rows)],
            )
        found = full.check()
        assert {finding.seq for finding in found if finding.seq is not None} == set(range(ROWS)), column
        assert {finding.problem for finding in found} <= {"altered", "missing", "extra"}
        if column in MOVING:
            return
        with attacker.cursor() as cursor:
            cursor.executemany(
                f"UPDATE audit_event SET {name} = %s{cast} WHERE id = %s", [(value, key) for value, key, _ in rows]
            )
        assert full.check() == []


BESIDE = {
    Leaf: ("hash", "event_id", "seq"),
    Tile: ("hash", "index"),
    Log: ("frontier", "size", "forgotten"),
    Checkpoint: ("note", "at", "size"),
}


def test_what_is_kept_beside_the_records_cannot_be_turned_either(full):
    for model, fields in BESIDE.items():
        for field in fields:
            turn_bits_beside(full, model, field)


def turn_bits_beside(full, model, field):
    rows = model.objects.filter(log_id=full.id)
    for bit in range(0, 200, 13):
        row = rows.order_by("pk").first()
        value = getattr(row, field)
        changed = value ^ (1 << bit % 30) if isinstance(value, int) else flipped(value, bit)
        if changed == value:
            continue
        if rows.filter(**{field: changed}, **_others(row, field)).exists():
            continue  # the database itself refuses
        rows.filter(pk=row.pk).update(**{field: changed})
        assert full.check(), f"{model.__name__}.{field} turned at {bit}"
        rows.filter(**{field: changed}, **_others(row, field)).update(**{field: value})
    assert full.check() == [], "all was the turned bit"


def _others(row, field):
    names = {"Leaf": ("seq",), "Tile": ("height", "index"), "Checkpoint": ("size",), "Log": ()}
    return {name: getattr(row, name) for name in names[type(row).__name__] if name != field}


def test_each_deleted_record_is_named(full, attacker):
    ids, gone = [row[0] for row in full.rows("e.id, l.seq")], []
    for seq in (0, 255, 256, ROWS - 1):
        attacker.execute("DELETE FROM audit_event WHERE id = %s", [ids[seq]])
        gone.append((seq, "missing", str(ids[seq])))
        assert [(finding.seq, finding.problem, finding.id) for finding in full.check()] == gone


def test_a_deleted_record_with_its_leaf_is_named(full, attacker):
    attacker.execute("DELETE FROM audit_leaf WHERE log_id = %s AND seq = 200", [full.id])
    assert (200, "missing") in {(finding.seq, finding.problem) for finding in full.check()}


def test_two_records_that_changed_places_are_named(full, attacker):
    first, second = (row[0] for row in full.rows("e.id, l.seq")[10:12])
    attacker.execute("UPDATE audit_leaf SET event_id = %s WHERE log_id = %s AND seq = 10", [uuid.uuid4(), full.id])
    attacker.execute("UPDATE audit_leaf SET event_id = %s WHERE log_id = %s AND seq = 11", [first, full.id])
    attacker.execute("UPDATE audit_leaf SET event_id = %s WHERE log_id = %s AND seq = 10", [second, full.id])
    assert {finding.seq for finding in full.check()} == {10, 11}


def test_a_record_put_in_afterwards_is_named(full, attacker):
    """A copy of a genuine one, dated into the part that is sequenced already."""
    made = uuid.uuid4()
    names = f"{', '.join(HEADER_COLUMNS)}, commitment, sealed, xid"
    chosen = names.replace("id,", "%s,", 1)
    attacker.execute(
        f"INSERT INTO audit_event ({names}) SELECT {chosen} FROM audit_event WHERE log_id = %s ORDER BY id LIMIT 1",
        [uuid.UUID(int=(full.rows("e.id")[5][0].int & ~0xFFFF) | (made.int & 0xFFFF)), full.id],
    )
    assert any(finding.problem == "extra" for finding in full.check())


def test_a_forged_record_does_not_pass_for_ours(full, attacker):
    """Somebody who can write the tables, and knows the public audit key, makes a record of their own."""
    from apps.audit_log import sealing
    from apps.audit_log.records import body_of, header_of
    from apps.core.ids import uuid7

    key = sealing.DataKey()
    newest = full.rows(f"e.{', e.'.join(COLUMNS[:13])}, l.seq")[-1]
    row = dict(zip(COLUMNS[:13], newest, strict=False))
    row |= {"id": uuid7(), "writer": uuid7(), "number": 1, "key_id": key.sealed.id}
    sealed, commitment = key.seal(header_of(row), body_of(full.record(1)))
    attacker.execute(
        "INSERT INTO audit_datakey (id, sealing_key, sealed, mac) VALUES (%s, %s, %s, %s)",
        [key.sealed.id, key.sealed.sealing_key, key.sealed.sealed, bytes(32)],  # without the writers' secret
    )
    attacker.execute(
        f"INSERT INTO audit_event ({', '.join(HEADER_COLUMNS)}, commitment, sealed) VALUES ({', '.join(['%s'] * 15)})",
        [*[row[name] for name in HEADER_COLUMNS], commitment, sealed],
    )
    full.sequence()
    assert [(finding.seq, finding.problem) for finding in full.check()] == [(ROWS, "unreadable")]


def test_an_altered_data_key_makes_its_records_unreadable(full, attacker):
    (key,) = {row[0] for row in full.rows("e.key_id, l.seq")}
    attacker.execute(
        "UPDATE audit_datakey SET sealed = set_bit(sealed, 77, 1 - get_bit(sealed, 77)) WHERE id = %s", [key]
    )
    from apps.audit_reader import decryption

    decryption._known.clear()
    found = full.check()
    attacker.execute(
        "UPDATE audit_datakey SET sealed = set_bit(sealed, 77, 1 - get_bit(sealed, 77)) WHERE id = %s", [key]
    )
    assert {(finding.seq, finding.problem) for finding in found} == {(seq, "unreadable") for seq in range(ROWS)}


def test_a_log_set_back_to_an_earlier_state_is_found_by_who_kept_a_checkpoint(full, attacker):
    kept = open_note(Checkpoint.objects.filter(log_id=full.id).order_by("-size").first().note, full.verifiers)
    earlier = Checkpoint.objects.filter(log_id=full.id).order_by("size").first()
    size = earlier.size
    attacker.execute(
        "DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_leaf WHERE log_id = %s AND seq >= %s)",
        [full.id, size],
    )
    attacker.execute("DELETE FROM audit_leaf WHERE log_id = %s AND seq >= %s", [full.id, size])
    attacker.execute("DELETE FROM audit_checkpoint WHERE log_id = %s AND size > %s", [full.id, size])
    attacker.execute("DELETE FROM audit_tile WHERE log_id = %s AND (index + 1) * 256 > %s", [full.id, size])
    from apps.audit_log.auditverify import Frontier

    edge = Frontier()
    for leaf in Leaf.objects.filter(log_id=full.id).order_by("seq").values_list("hash", flat=True):
        edge.add(bytes(leaf))
    Log.objects.filter(pk=full.id).update(size=size, frontier=b"".join(edge.hashes))
    assert full.check() == [], "the tables agree with themselves"
    assert {finding.problem for finding in full.check(older=[kept])} == {"rollback"}


def test_a_record_deleted_before_it_was_sequenced_is_a_gap(log, attacker):
    from apps.audit_log import writer
    from apps.audit_log.models import Incident

    writer.append([log.record(n) for n in range(3)])
    attacker.execute("DELETE FROM audit_event WHERE log_id = %s AND number = 2", [log.id])
    log.sequence()
    assert [finding.problem for finding in log.check()] == ["gap"]
    assert Incident.objects.filter(log_id=log.id, problem="gap").count() == 1


def test_a_transaction_that_was_undone_leaves_no_gap(log):
    from django.db import transaction

    from apps.audit_log import writer

    class Undone(Exception):
        pass

    def undone(*numbers):
        with transaction.atomic():
            writer.append([log.record(number) for number in numbers])
            raise Undone

    writer.append([log.record(0)])
    with pytest.raises(Undone):
        undone(1, 2)
    with transaction.atomic():
        writer.append([log.record(3)])
        with pytest.raises(Undone):
            undone(4)
        writer.append([log.record(5)])
    writer.append([log.record(6)])
    log.sequence()
    assert log.check() == []
    assert [row[0] for row in log.rows("e.number, l.seq")] == [1, 2, 3, 4]

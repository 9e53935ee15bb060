"""What is kept outside the database survives its being set back."""

from apps.audit_log.auditverify import Checkpoint, open_note
from apps.audit_log.models import Checkpoint as Row
from apps.audit_reader.witness import Witness, load_checkpoints


def test_a_log_that_was_set_back_and_grows_again_cannot_overwrite_what_is_kept(log, settings, tmp_path):
    settings.AUDIT_WITNESS_DIR = tmp_path / "witness"
    log.write(27)
    newest = Row.objects.filter(log_id=log.id).order_by("-size").first()
    Witness().store({log.id: newest.note})
    earlier = Checkpoint(f"vault-portal/{log.id}", 5, bytes(32), "2026-11-24T14:39:06.000000Z")
    for size in (5, 12):  # the audit worker starts again on the older state, twice, and its log grows
        Witness().store({log.id: log.note(earlier, size)})
    kept = load_checkpoints(log.id, log.verifiers)
    assert open_note(newest.note, log.verifiers) in kept
    assert [finding.problem for finding in log.check(older=kept)] == ["rollback"]


def test_a_file_without_our_signature_counts_for_nothing(log, settings, tmp_path):
    settings.AUDIT_WITNESS_DIR = tmp_path
    (tmp_path / f"{log.id}.note").write_text("vault-portal/x\n9\nAAAA\nat now\n\n\N{EM DASH} audit.test AAAA\n")
    (tmp_path / f"{log.id}.kept").write_text("")
    assert load_checkpoints(log.id, log.verifiers) == []

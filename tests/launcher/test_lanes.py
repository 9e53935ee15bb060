"""`./portal up --lanes`: how many HSM workers use the keys of each world."""

from argparse import ArgumentTypeError

import pytest

from apps.launcher import processes
from apps.launcher.management.commands.up import _lanes


@pytest.mark.parametrize(
    ("text", "lanes"), [("4", {"europe": 4, "america": 4}), ("europe=8,america=2", {"europe": 8, "america": 2})]
)
def test_a_number_for_all_worlds_or_one_for_each(text, lanes):
    assert _lanes(text) == lanes


@pytest.mark.parametrize("text", ["", "0", "x", "-1", "europe=8", "europe=8,asia=2", "europe=8,america=0", "europe="])
def test_anything_else_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="europe=8,america=2"):
        _lanes(text)


def test_each_world_has_its_lanes_with_a_socket_each(state):
    state.write(state.directory / "settings.json", '{"port": 8443, "auditors_port": 8444}')
    workers = processes.hsm_workers(state, lanes={"europe": 3, "america": 1})
    sockets = [process.env["LANE_SOCKET"].partition("/lane/")[2] for process in workers if "-lane-" in process.name]
    assert sockets == ["europe/1.sock", "europe/2.sock", "europe/3.sock", "america/1.sock"]

import pytest

from apps.launcher.account import Account
from apps.launcher.state import StateDirectory


@pytest.fixture
def state(tmp_path):
    """An empty state directory, below one that did not exist either."""
    state = StateDirectory(tmp_path / "deep" / "state", Account())
    state.prepare()
    yield state
    state.clean_up()

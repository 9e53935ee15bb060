"""An export of a log in four segments."""

import pytest

from tests.support.signed_exports import Maker

SIZES = [5, 8, 1, 9]  # the records of each segment: 0-4, 5-12, 13-13, 14-22


@pytest.fixture
def made(tmp_path):
    maker = Maker(tmp_path / "export")
    for size in SIZES:
        maker.add(size).write()
    return maker

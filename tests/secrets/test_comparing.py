"""Comparing values without showing them."""

from apps.domain.secrets.value_diff import diff_values


def states(lines):
    return [(line.base.state, line.theirs.state, line.mine.state, line.clash) for line in lines]


def test_lines_that_one_side_changed_do_not_clash():
    found = diff_values(base="a\nb\nc", theirs="a\nB!\nc", mine="a\nb\nC!")
    assert states(found) == [
        ("same", "same", "same", False),
        ("same", "changed", "same", False),
        ("same", "same", "changed", False),
    ]
    assert found[1].theirs.size == 2


def test_a_line_that_both_changed_clashes_unless_they_agree():
    assert states(diff_values(base="a", theirs="b", mine="c")) == [("same", "changed", "changed", True)]
    assert states(diff_values(base="a", theirs="b", mine="b")) == [("same", "changed", "changed", False)]


def test_lines_come_and_go():
    found = diff_values(base="a\nb", theirs="a", mine="a\nb\nc")
    assert states(found) == [
        ("same", "same", "same", False),
        ("same", "removed", "same", False),
        ("", "", "added", False),
    ]


def test_no_character_of_a_value_is_in_the_result():
    found = diff_values(base="s3cr3t-one", theirs="s3cr3t-two", mine="s3cr3t-three\nmore")
    assert "s3cr3t" not in repr(found)
    assert "more" not in repr(found)


def test_a_value_of_very_many_lines_is_compared_as_a_whole():
    found = diff_values(base="a\n" * 5000, theirs="a\n" * 5000, mine="b\n" * 5000)
    assert states(found) == [("same", "same", "changed", False)]

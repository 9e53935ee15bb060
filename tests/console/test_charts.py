"""Pictures as numbers: nothing stands on anything else."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.interfaces.console import charts

BEGIN = datetime(2026, 11, 2, 12, tzinfo=UTC)


def minutes(*counts):
    return [(BEGIN + timedelta(minutes=at), count, 0) for at, count in enumerate(counts)]


def places(points):
    return [tuple(map(float, point.split(","))) for point in points.split()]


@pytest.mark.parametrize("peak", [1, 2, 7, 19, 100, 1489, 2000, 12_480, 400_000])
def test_the_peak_keeps_away_from_the_highest_rule(peak):
    chart = charts.operations_chart(minutes(0, peak, 1))
    highest_rule = min(y for y, _label in chart.rules)
    assert min(y for _x, y in places(chart.lines[0])) >= highest_rule + 8


@pytest.mark.parametrize("peak", [1, 1489, 400_000])
def test_the_line_begins_behind_the_labels_of_the_rules_and_ends_at_the_edge(peak):
    chart = charts.operations_chart(minutes(0, peak, 1))
    across = [x for x, _y in places(chart.lines[0])]
    assert across[0] == chart.left > 7 * max(len(label) for _y, label in chart.rules)
    assert across[-1] == charts.LINES_WIDTH
    assert places(chart.area)[0] == (chart.left, charts.LINES_HEIGHT)


@pytest.mark.parametrize(
    ("peak", "labels"), [(1, ["2", "1"]), (5, ["6", "3"]), (1489, ["2000", "1000"]), (1960, ["4000", "2000"])]
)
def test_both_rules_have_round_labels(peak, labels):
    chart = charts.operations_chart(minutes(peak))
    assert [label.replace("\N{NARROW NO-BREAK SPACE}", "") for _y, label in chart.rules] == labels


def test_it_says_when_it_begins_and_nothing_where_nothing_is():
    assert charts.operations_chart(minutes(3, 4)).begins == BEGIN
    assert charts.operations_chart([]).begins is None


def test_one_operation_is_not_operations():
    assert "1 operation, 0 % denied" in charts.operations_chart(minutes(1)).summary
    assert "2 operations, 0 % denied" in charts.operations_chart(minutes(1, 1)).summary


def test_ages_of_records_keep_the_same_distances():
    chart = charts.delay_chart([(BEGIN + timedelta(minutes=at), seconds) for at, seconds in enumerate((1, 20, 3))])
    assert min(y for _x, y in places(chart.lines[0])) >= min(y for y, _label in chart.rules) + 8
    assert places(chart.lines[0])[0][0] == chart.left

"""A bar chart as numbers a template can draw as SVG: what came in and what was finished, day by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

WIDTH, HEIGHT = 560, 120
_GAP = 14


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    height: float
    middle: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Day:
    name: str
    came: int
    finished: int
    middle: float
    came_bar: Bar
    finished_bar: Bar


@dataclass(frozen=True, slots=True)
class Chart:
    days: list[Day]
    bar_width: float
    top: int
    """The highest number, which the tallest bar stands for."""
    came: int
    finished: int
    width: int = WIDTH
    height: int = HEIGHT


def per_day(came: Iterable[datetime], finished: Iterable[datetime], *, days: int) -> Chart:
    """Bars of the last `days` days, today last, in the desk's time zone."""
    came_on, finished_on = _count(came), _count(finished)
    today = timezone.localdate()
    dates = [today - timedelta(days=back) for back in reversed(range(days))]
    top = max([1, *(max(came_on[each], finished_on[each]) for each in dates)])
    slot = WIDTH / days
    width = (slot - _GAP) / 2

    def bar(left: float, count: int) -> Bar:
        height = round(HEIGHT * count / top, 1)
        return Bar(
            x=round(left, 1),
            y=round(HEIGHT - height, 1),
            height=height,
            middle=round(left + (width - 2) / 2, 1),
            label_y=round(HEIGHT - height - 5, 1),
        )

    drawn = []
    for index, each in enumerate(dates):
        left = index * slot + _GAP / 2
        drawn.append(
            Day(
                name="Today" if each == today else f"{each:%a} {each.day}",
                came=came_on[each],
                finished=finished_on[each],
                middle=round(left + width, 1),
                came_bar=bar(left, came_on[each]),
                finished_bar=bar(left + width, finished_on[each]),
            )
        )
    return Chart(drawn, round(width - 2, 1), top, sum(came_on[each] for each in dates), sum(finished_on[each] for each in dates))


def _count(moments: Iterable[datetime]) -> Counter[date]:
    return Counter(timezone.localtime(moment).date() for moment in moments)

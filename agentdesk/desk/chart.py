"""A bar chart as numbers a template can draw as SVG: what came in and what was finished, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

WIDTH, HEIGHT = 336, 96
_GAP = 12


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


def per_day(came_on: Mapping[date, int], finished_on: Mapping[date, int], *, days: int) -> Chart:
    """Bars of the last `days` days in the desk's time zone, today last."""
    today = timezone.localdate()
    dates = [today - timedelta(days=back) for back in reversed(range(days))]
    top = max([1, *(max(came_on.get(each, 0), finished_on.get(each, 0)) for each in dates)])
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
                came=came_on.get(each, 0),
                finished=finished_on.get(each, 0),
                middle=round(left + width, 1),
                came_bar=bar(left, came_on.get(each, 0)),
                finished_bar=bar(left + width, finished_on.get(each, 0)),
            )
        )
    return Chart(
        drawn,
        round(width - 2, 1),
        top,
        sum(came_on.get(each, 0) for each in dates),
        sum(finished_on.get(each, 0) for each in dates),
    )

"""The dashboard: what needs the reader, what goes on, what was done."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from agentdesk.desk.chart import HEIGHT, per_day
from tests.desk.cases import wanted_refund
from tests.factories import RefundFactory, TaskFactory, ToDoFactory, order_with


def test_an_empty_desk_explains_itself(as_, ada):
    page = as_(ada).get("/").content.decode()
    for words in ("Nothing needs you.", "No agent has been given work yet.", "No refund so far today."):
        assert words in page, words


def test_what_needs_me_is_one_click_away(as_, lena, vera):
    approval = wanted_refund()
    assert approval.get_absolute_url() in as_(lena).get("/").content.decode()
    page = as_(vera).get("/").content.decode()
    assert approval.get_absolute_url() not in page
    assert "1 approval waits for somebody else." in page


def test_agents_at_work_show_their_present_to_do(as_, vera):
    task = TaskFactory(status="running", title="Late parcel")
    ToDoFactory(task=task, text="Look it up", state="done")
    ToDoFactory(task=task, text="Ask the carrier", state="doing")
    page = as_(vera).get("/").content.decode()
    assert "Ask the carrier" in page
    assert 'max="100" value="50"' in page


def test_todays_refunds_are_summed_by_currency(as_, vera):
    for currency in ("USD", "USD", "EUR"):
        order = order_with(charges=[2900], currency=currency)
        RefundFactory(order=order, amount_minor=1000, refunded_at=timezone.now())
    RefundFactory(
        order=order_with(charges=[2900]), amount_minor=999, refunded_at=timezone.now() - timedelta(days=2)
    )
    refunds = as_(vera).get("/").context["refunds"]
    assert [(str(money), number) for money, number in refunds] == [("$20.00", 2), ("€10.00", 1)]


def test_counts_are_of_now_and_the_finished_of_today(as_, vera):
    for status in ("queued", "running", "done"):
        TaskFactory(status=status)
    TaskFactory(status="done", finished_at=timezone.now() - timedelta(days=2))
    counts = {status: number for status, number, _ in as_(vera).get("/").context["counts"]}
    assert counts == {"queued": 1, "running": 1, "waiting": 0, "done": 1, "failed": 0}


def test_the_tallest_bar_is_the_largest_number():
    today = timezone.localdate()
    drawn = per_day({today: 8}, {today: 4, today - timedelta(days=1): 2}, days=7)
    assert [day.name for day in drawn.days][-1] == "Today"
    last, before = drawn.days[-1], drawn.days[-2]
    assert (last.came_bar.height, last.finished_bar.height, before.finished_bar.height) == (
        HEIGHT,
        HEIGHT / 2,
        HEIGHT / 4,
    )
    assert (drawn.came, drawn.finished) == (8, 6)


def test_a_week_without_tasks_is_a_chart_without_bars():
    drawn = per_day({}, {}, days=7)
    assert all(day.came_bar.height == 0 for day in drawn.days)

"""The flows through two web processes and two worker trees that share nothing but PostgreSQL and Redis."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import pytest
from django.contrib.auth.models import User
from websockets.sync.client import connect

from agentdesk.events.models import Event, Kind
from approvals.models import Approval
from tasks.models import Customer, Task, TaskStatus
from tests.factories import CustomerFactory, RunbookFactory, order_with, policy_in_force, support_version
from tests.scale.conftest import Browser, Tree, eventually
from tests.serving import WebProcess, session_of
from tools.models import CallStatus, ToolCall
from tools.store.models import Order, Refund

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.crash]


def customers(count: int) -> list[Customer]:
    """Each was charged twice for one order."""
    policy_in_force()
    RunbookFactory()
    support_version()
    made = [CustomerFactory() for _ in range(count)]
    for customer in made:
        order_with(customer=customer, charges=(2900, 2900), subscription=True)
    return made


def complain(browser: Browser, customer: Customer) -> Task:
    location = browser.post(
        "/tickets/new/",
        form_at="/tickets/new/",
        customer=customer.number,
        subject="I was charged twice for my monthly subscription",
        body="There are two identical charges on my card. Please give one back.",
    )
    return Task.objects.get(public_id=location.strip("/").split("/")[-1])


def approve(browser: Browser, task: Task) -> None:
    approval = Approval.objects.open().get(task=task)
    url = approval.get_absolute_url()
    browser.post(f"{url}decide/", form_at=url, verdict="approve", seen=approval.seen_hash)


def waits(task: Task) -> bool:
    return Task.objects.filter(pk=task.pk, status=TaskStatus.WAITING).exists()


def ended(task: Task) -> bool:
    return Task.objects.filter(pk=task.pk, status=TaskStatus.DONE).exists()


def workers_of(task: Task) -> set[int]:
    claims = Event.objects.filter(task=task, kind=Kind.TASK_CLAIMED).values_list("data", flat=True)
    return {int(data["holder"].split(":")[1]) for data in claims}


def ready(web: WebProcess) -> dict[str, Any]:
    with urllib.request.urlopen(f"{web.url}/readyz", timeout=10) as answer:
        return dict(json.load(answer))


def check_books(tasks: list[Task]) -> None:
    """Every refund once, every story told without a gap."""
    assert Refund.objects.count() == len(tasks)
    assert set(Order.objects.values_list("refunded_minor", flat=True)) == {2900}
    done = ToolCall.objects.filter(status=CallStatus.DONE, effect="local")
    assert set(done.filter(tool__contains="refund").values_list("task", flat=True)) == {
        task.pk for task in tasks
    }
    for task in tasks:
        numbers = list(Event.objects.filter(task=task).order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_ticket_of_one_machine_is_seen_and_signed_at_the_other_and_paid_back_once(
    desk: tuple[list[WebProcess], list[Tree]], ada: User, lena: User
) -> None:
    (web_a, web_b), _ = desk
    (customer,) = customers(1)
    assert eventually(lambda: ready(web_b)["workers_alive"] == 2, why="both workers show life")

    page = connect(
        f"ws://{web_b.address}/ws/live/",
        origin=web_b.url,  # type: ignore[arg-type]
        additional_headers={"Cookie": f"sessionid={session_of(lena)}"},
        proxy=None,
    )
    with page:
        page.send(json.dumps({"watch": {"tasks": True}}))
        task = complain(Browser(web_a, ada), customer)
        eventually(lambda: waits(task), why="the agent asks for a sign-off")
        approve(Browser(web_b, lena), task)
        eventually(lambda: ended(task), why="the task is done")
        heard = 0
        last = Event.objects.filter(task=task).count()
        while heard < last:
            said = json.loads(page.recv(timeout=10))
            if said.get("task") == task.public_id:
                heard = max(heard, int(said["at"]))

    assert heard == last, "the page at the other machine followed to the end"
    check_books([task])


def test_both_trees_work_and_when_one_is_killed_the_other_takes_over(
    desk: tuple[list[WebProcess], list[Tree]], ada: User, lena: User
) -> None:
    (web_a, web_b), (tree_a, tree_b) = desk
    one, other = Browser(web_a, ada), Browser(web_b, ada)
    tasks = [
        complain(browser, customer) for browser, customer in zip([one, other] * 4, customers(8), strict=True)
    ]
    first, second = tree_a.pids(), tree_b.pids()

    def both_hold() -> bool:
        held = Task.objects.filter(status=TaskStatus.RUNNING).values_list("holder", flat=True)
        pids = {int(holder.split(":")[1]) for holder in held}
        return bool(pids & first and pids & second)

    eventually(both_hold, why="each tree holds a task")
    tree_a.kill()

    eventually(lambda: all(waits(task) for task in tasks), why="all of them ask for a sign-off")
    signers = [Browser(web_a, lena), Browser(web_b, lena)]
    for position, task in enumerate(tasks):
        approve(signers[position % 2], task)
    eventually(lambda: all(ended(task) for task in tasks), why="all of them are done")

    check_books(tasks)
    assert any(workers_of(task) & first and workers_of(task) & second for task in tasks), (
        "some were taken over"
    )
    assert os.getpid() not in first | second

"""What the forked children do: take tickets in, work, sign, send mail. The product's own code, called as its processes do."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from agentdesk.core.errors import DeskError, Late
from agentdesk.runtime.drive import Driver
from approvals.decide import decide
from approvals.models import Approval, ApprovalKind, Verdict
from approvals.reconcile import answer
from tasks.intake import open_ticket
from tasks.models import Customer, Task, TaskStatus, Ticket, TicketSource
from tasks.transitions import MAX_LOST_CLAIMS
from tests.crash.controls import replace_everywhere
from tests.crash.points import Points
from tests.crash.stories import KINDS, Storytellers
from tools.messages.deliver import deliver_pending
from tools.store.models import Charge, Order, OrderStatus
from tools.store.payments.stripe import Stripe

RIVALS = ("vera", "ada")
"""A viewer, and who asked for the task: they must never succeed in signing, and always try first."""


def furnish(number: int, plots: Sequence[str]) -> None:
    """A customer and an order for each story of a round."""
    for index, plot in enumerate(plots):
        name = f"{number}-{index}"
        if Customer.objects.filter(number=f"C-{name}").exists():
            continue
        customer = Customer.objects.create(
            number=f"C-{name}",
            name=f"Customer {name}",
            email=f"{name}@customers.example",
            since=timezone.localdate(),
        )
        amount, placed = KINDS[plot].amount or 2900, timezone.now() - timedelta(days=10)
        order = Order.objects.create(
            number=f"A-{name}",
            customer=customer,
            status=OrderStatus.DELIVERED,
            currency="USD",
            captured_minor=2 * amount,
            placed_at=placed,
        )
        for charge in (1, 2):
            Charge.objects.create(
                number=f"CH-{name}-{charge}",
                order=order,
                amount_minor=amount,
                captured_at=placed + timedelta(days=charge),
                description="AgentDesk Store",
                # the provider would give back more than one refund: only the key, or who asks first, prevents it
                reference=f"ch_{3 * amount}_usd_{name.replace('-', '_')}_{charge}",
            )


def take_in(number: int, plots: Sequence[str]) -> dict[str, list[int]]:
    """A ticket for each story; one that is here already stays alone. The tasks of each, by external id."""
    for index, plot in enumerate(plots):
        name = f"{number}-{index}"
        try:
            open_ticket(
                subject="Charged twice",
                body=f"This is the story {plot}, order A-{name}, customer C-{name}. Please look at it.",
                customer=Customer.objects.get(number=f"C-{name}"),
                source=TicketSource.IMPORT,
                by=None if plot == "question" else User.objects.get(username="ada"),
                external_id=name,
            )
        except Late:
            continue
    names = [f"{number}-{index}" for index in range(len(plots))]
    return {
        name: list(Task.objects.filter(ticket__external_id=name).order_by("pk").values_list("pk", flat=True))
        for name in names
    }


def let_time_pass() -> list[int]:
    """Whoever held a claim is dead or stopped: its lease runs out now instead of in some seconds, as does a delay.

    Returns the tasks that have lost so many workers in a row that a few more would make the product give them up.
    """
    past = timezone.now() - timedelta(seconds=1)
    Task.objects.filter(status=TaskStatus.RUNNING).update(lease_until=past)
    Task.objects.filter(status=TaskStatus.QUEUED, not_before__isnull=False).update(not_before=past)
    return list(Task.objects.live().filter(lost_claims__gte=MAX_LOST_CLAIMS - 3).values_list("pk", flat=True))


def work(seconds: float) -> None:
    asyncio.run(Driver(thinkers=Storytellers(), linger_seconds=0, drive_seconds=seconds).drive())


def sign() -> int:
    """Answer every open question as its story tells; return how many answers were taken."""
    taken = 0
    for approval in Approval.objects.open().select_related("task", "tool_call").order_by("pk"):
        if approval.kind == ApprovalKind.RECONCILIATION:
            taken += find_out(approval)
            continue
        plot = next(plot for plot in KINDS if f"story {plot}," in approval.task.goal)
        kind = KINDS[plot]
        for name in (*(RIVALS if approval.kind == ApprovalKind.SIGN_OFF else ("vera",)), *kind.signers):
            try:
                decide(
                    approval,
                    by=User.objects.get(username=name),
                    verdict=kind.verdict,
                    seen=approval.seen_hash,
                    reason="" if kind.verdict == "approve" else "Only once, please.",
                )
            except DeskError:
                continue
            taken += 1
    return taken


def find_out(approval: Approval) -> bool:
    """Finn looks into the provider's book and says what stands there."""
    with urllib.request.urlopen(f"{settings.STRIPE_URL}/_book", timeout=10) as book:
        found = [line for line in json.load(book)["effects"] if line["key"] == approval.tool_call.key]
    try:
        answer(
            approval,
            by=User.objects.get(username="finn"),
            verdict=Verdict.HAPPENED if found else Verdict.DID_NOT_HAPPEN,
            seen=approval.seen_hash,
            reason="The provider's book says so.",
            reference=found[0]["id"] if found else "",
        )
    except DeskError:
        return False
    return True


def post() -> int:
    return deliver_pending()


def set_clock(hours: int) -> None:
    """This process's clock is wrong from now on; the database's is not."""
    ahead, real, real_ns, now = timedelta(hours=hours), time.time, time.time_ns, timezone.now
    time.time = lambda: real() + ahead.total_seconds()
    time.time_ns = lambda: real_ns() + int(ahead.total_seconds() * 1e9)
    replace_everywhere(now, lambda: now() + ahead)


def equip_mail(points: Points) -> None:
    points.wrap(EmailMessage, "send", "mail leaves")


def equip_provider(points: Points) -> None:
    points.wrap(Stripe, "give_back", "provider gives back")
    points.wrap(Stripe, "find", "provider is asked")


def leftovers() -> dict[str, int]:
    """What keeps a round from being over."""
    live = Task.objects.exclude(status__in=["done", "failed", "cancelled"])
    return {status: live.filter(status=status).count() for status in ("queued", "running", "waiting")}


def park(ids: Sequence[int]) -> None:
    """Take tasks of a broken build out of the way of the next round, past all rules."""
    with connection.cursor() as cursor:
        marks = ",".join(["%s"] * len(ids))
        cursor.execute(
            f"UPDATE tasks_task SET status = 'failed', failure = 'parked', finished_at = queued_at, waiting_for = '', "
            f"holder = '', lease_until = NULL WHERE id IN ({marks}) AND status NOT IN ('done', 'failed', 'cancelled')",
            list(ids),
        )
        cursor.execute(
            f"UPDATE approvals_approval SET status = 'cancelled', closed_at = opened_at "
            f"WHERE status = 'open' AND task_id IN ({marks})",
            list(ids),
        )


def tickets_there(names: Sequence[str]) -> list[str]:
    return list(Ticket.objects.filter(external_id__in=list(names)).values_list("external_id", flat=True))

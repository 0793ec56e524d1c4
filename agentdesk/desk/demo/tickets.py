"""Open the forty tickets of the demo; each becomes a queued task like any other."""

from __future__ import annotations

from datetime import date

from agentdesk.desk.demo.shop import Placed, draft
from agentdesk.desk.demo.stories import STORIES
from agentdesk.desk.demo.story import Story
from tasks.intake import open_ticket
from tasks.models import Customer, Ticket, TicketSource


def open_tickets() -> int:
    """Open those that are missing and return how many they were. Raises Invalid when there is no agent for them."""
    present = set(Ticket.objects.filter(source=TicketSource.DEMO).values_list("external_id", flat=True))
    ids = {f"demo-{number:03}": story for number, story in enumerate(STORIES, start=1)}
    missing = {external_id: story for external_id, story in ids.items() if external_id not in present}
    orders = draft() if missing else []
    for external_id, story in missing.items():
        words = _words(story, orders)
        open_ticket(
            subject=story.subject.format_map(words),
            body=story.body.format_map(words),
            customer=Customer.objects.get(name=story.customer),
            source=TicketSource.DEMO,
            by=None,
            external_id=external_id,
        )
    return len(missing)


def _words(story: Story, orders: list[Placed]) -> dict[str, str]:
    """What the story's texts may name: its orders in the order they are told, and days of the first one."""
    by_plan = {id(placed.plan): placed for placed in orders}
    own = [by_plan[id(plan)] for plan in story.orders]
    words = {f"order{index}": placed.number for index, placed in enumerate(own, start=1)}
    first = own[0]
    words["order"], words["placed"] = first.number, _spoken(first.at.date())
    if first.promised_by is not None:
        words["promised"] = _spoken(first.promised_by)
    return words


def _spoken(day: date) -> str:
    return f"{day:%B} {day.day}"

"""A tiny shop in memory behind real SDK tools, and one way to run the offline model through it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents import Agent, FunctionTool, RunConfig, Runner, TResponseInputItem

from agentdesk.runtime.offline.model import OfflineModel

TODAY = dt.date(2026, 3, 20)

RUNBOOKS = {
    "duplicate_charge": (
        "Duplicate charges",
        """# Duplicate charges

1. Two charges of the same amount and description within five days are a duplicate.
2. Refund the later charge, exactly its amount, never more.
3. A pending authorization is no duplicate charge.
""",
    ),
    "damaged_item": (
        "Damaged items",
        """1. Damage must be reported within 30 days of delivery.
2. Refund the full price of the damaged pieces.
3. When the customer keeps the item, refund 30 % of its price.
""",
    ),
    "late_delivery": (
        "Late deliveries",
        "1. Nothing is paid for parcels that came in time.\n2. From 2 days late: refund 10 % of the goods.\n3. From 7 days late: refund 20 % of the goods.\n",
    ),
    "missing_parcel": (
        "Missing parcels",
        "1. A parcel counts as lost 14 days after the promised day.\n2. Lost parcels are refunded completely.\n",
    ),
    "return": (
        "Returns",
        "1. Returns are accepted within 30 days of delivery.\n2. Money goes back when the return has arrived.\n",
    ),
    "general": (
        "Everything else",
        "1. We ship to all countries of the European Union and to Norway within 3 to 6 working days.\n",
    ),
}


def order(
    number: str,
    *lines: tuple[str, int, int],
    customer: str = "C-1001",
    status: str = "delivered",
    subscription: bool = False,
    placed: str = "2026-03-01",
    promised: str | None = "2026-03-08",
    shipped: str | None = "2026-03-03",
    delivered: str | None = "2026-03-07",
    charges: list[tuple[str, int, str, str]] | None = None,
    refunds: list[tuple[str, str, int, str]] | None = None,
) -> dict[str, Any]:
    """An order as get_order_details gives it; without `charges` the whole amount was charged once."""
    total = sum(quantity * price for _, quantity, price in lines)
    digits = number.removeprefix("A-")
    charges = charges if charges is not None else [(f"CH-{digits}", total, placed, f"Order {number}")]
    refunds = refunds or []
    captured, refunded = sum(charge[1] for charge in charges), sum(refund[2] for refund in refunds)
    moment = lambda date: f"{date}T09:00:00+00:00" if date else None  # noqa: E731
    return {
        "order": number, "customer": customer, "status": status, "subscription": subscription, "currency": "USD",
        "placed_at": moment(placed), "promised_by": promised, "shipped_at": moment(shipped), "delivered_at": moment(delivered),
        "lines": [
            {"sku": f"SKU-{index}", "title": title, "quantity": quantity, "unit_price_minor": price}
            for index, (title, quantity, price) in enumerate(lines)
        ],
        "charges": [
            {"charge": charge, "amount_minor": amount, "captured_at": moment(date), "description": text}
            for charge, amount, date, text in charges
        ],
        "refunds": [
            {"refund": refund, "charge": charge, "amount_minor": amount, "refunded_at": moment(date), "reason": "before"}
            for refund, charge, amount, date in refunds
        ],
        "captured_minor": captured, "refunded_minor": refunded, "refundable_minor": captured - refunded,
    }  # fmt: skip


def subscription_charged_twice() -> dict[str, Any]:
    return order(
        "A-1001",
        ("Coffee box, monthly", 1, 2900),
        subscription=True,
        charges=[
            ("CH-2001", 2900, "2026-03-01", "Coffee box March"),
            ("CH-2002", 2900, "2026-03-02", "Coffee box March"),
        ],
    )


@dataclass
class Shop:
    orders: list[dict[str, Any]]
    answers: list[str] = field(default_factory=list)
    """What a colleague answers to ask_person, in turn; then nobody answers."""
    instead: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Results that calls of a tool get before it works as usual."""
    without: frozenset[str] = frozenset()
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    todos: list[dict[str, Any]] = field(default_factory=list)

    def made(self, tool: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == tool]

    def find(self, number: str) -> dict[str, Any] | None:
        return next((each for each in self.orders if each["order"] == number), None)

    def use(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((tool, arguments))
        if self.instead.get(tool):
            return self.instead[tool].pop(0)
        handler: Callable[..., dict[str, Any]] = getattr(self, f"_{tool}")
        return handler(**arguments)

    def _add_todos(self, todos: list[str]) -> dict[str, Any]:
        start = len(self.todos)
        added = [
            {"position": start + at, "text": text, "state": "pending"} for at, text in enumerate(todos, 1)
        ]
        self.todos += added
        return {"todos": added}

    def _set_todo_state(self, position: int, state: str) -> dict[str, Any]:
        self.todos[position - 1]["state"] = state
        return dict(self.todos[position - 1])

    def _get_user_data(self, customer: str) -> dict[str, Any]:
        if customer not in ("C-1001", "mara@example.com", "Mara Lindqvist"):
            return {"error": f"There is no customer {customer}."}
        return {
            "customer": "C-1001", "name": "Mara Lindqvist", "email": "mara@example.com", "tier": "standard", "since": "2024-02-01", "notes": "",
            "orders": len(self.orders), "open_tickets": 1, "refunds_90_days": {"count": 0, "total_minor": 0, "currency": "USD"},
        }  # fmt: skip

    def _get_recent_orders(self, customer: str, limit: int) -> dict[str, Any]:
        own = sorted(
            (each for each in self.orders if each["customer"] == "C-1001"),
            key=lambda each: each["placed_at"],
            reverse=True,
        )
        return {
            "orders": [
                {
                    "order": each["order"], "placed_at": each["placed_at"], "status": each["status"], "subscription": each["subscription"],
                    "total_minor": sum(line["quantity"] * line["unit_price_minor"] for line in each["lines"]),
                    "refunded_minor": each["refunded_minor"], "currency": each["currency"],
                    "items": ", ".join(f"{line['quantity']} × {line['title']}" for line in each["lines"]),
                }
                for each in own[:limit]
            ]
        }  # fmt: skip

    def _get_order_details(self, order: str) -> dict[str, Any]:
        found = self.find(order)
        if found is None or found["customer"] != "C-1001":
            return {"error": f"{order} is not an order of this task's customer."}
        return found

    def _get_runbook_by_category(self, category: str) -> dict[str, Any]:
        if category not in RUNBOOKS:
            return {"error": f"There is no runbook for {category}."}
        title, body = RUNBOOKS[category]
        return {"category": category, "title": title, "version": 1, "body": body}

    def _issue_refund(
        self, order: str, charge: str, amount_minor: int, currency: str, reason: str
    ) -> dict[str, Any]:
        found = self.find(order)
        assert found is not None
        if amount_minor > found["refundable_minor"]:
            return {"error": "That is more than is left to refund."}
        found["refundable_minor"] -= amount_minor
        return {
            "refund": "RF-3001",
            "order": order,
            "amount_minor": amount_minor,
            "currency": currency,
            "remaining_refundable_minor": found["refundable_minor"],
        }

    def _refund_duplicate_charge(self, order: str, reason: str) -> dict[str, Any]:
        return {
            "refund": "RF-3001",
            "order": order,
            "amount_minor": 2900,
            "currency": "USD",
            "remaining_refundable_minor": 2900,
            "charge": "CH-2002",
        }

    def _cancel_order(self, order: str, reason: str) -> dict[str, Any]:
        return {"order": order, "status": "cancelled"}

    def _write_document(self, title: str, body: str) -> dict[str, Any]:
        return {"document": title}

    def _notify_user(self, customer: str, subject: str, body: str) -> dict[str, Any]:
        return {"sent_to": "mara@example.com"}

    def _ask_person(self, question: str) -> dict[str, Any]:
        return (
            {"answer": self.answers.pop(0), "answered_by": "Lena Lead"}
            if self.answers
            else {"expired": "nobody answered in time"}
        )

    def tools(self) -> list[FunctionTool]:
        names = [
            name.removeprefix("_")
            for name in vars(Shop)
            if name.startswith("_") and not name.startswith("__")
        ]
        return [self.tool(name) for name in names if name not in self.without]

    def tool(self, name: str) -> FunctionTool:
        async def invoke(context: Any, raw: str) -> str:
            return json.dumps(self.use(name, json.loads(raw)))

        return FunctionTool(
            name=name, description=name, params_json_schema={"type": "object", "properties": {}}, on_invoke_tool=invoke, strict_json_schema=False
        )  # fmt: skip


@dataclass
class Story:
    """What a finished run left behind."""

    shop: Shop
    final: str
    turns: int
    items: list[TResponseInputItem]
    events: list[Any]

    @property
    def message(self) -> str:
        sent = self.shop.made("notify_user")
        return sent[-1]["body"] if sent else ""

    @property
    def document(self) -> str:
        written = self.shop.made("write_document")
        return written[-1]["body"] if written else ""

    @property
    def refunds(self) -> list[tuple[str, str, int]]:
        return [
            (made["order"], made["charge"], made["amount_minor"]) for made in self.shop.made("issue_refund")
        ]


def ticket(subject: str, body: str = "") -> str:
    return f"Ticket tic_0001: {subject}\nCustomer: C-1001 (Mara Lindqvist, mara@example.com)\n\n---8<---\n{body}\n---8<---\n"


async def run(shop: Shop, goal: str) -> Story:
    agent: Agent[Any] = Agent(
        name="support",
        instructions="Help the customer.",
        model=OfflineModel(today=lambda: TODAY),
        tools=list(shop.tools()),
    )
    result = Runner.run_streamed(agent, goal, max_turns=30, run_config=RunConfig(tracing_disabled=True))
    events = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
    return Story(shop, str(result.final_output), len(result.raw_responses), result.to_input_list(), events)

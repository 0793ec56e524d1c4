"""What the task is about, read from its goal: ticket, customer, subject, the customer's words, orders, amounts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from agentdesk.core.money import EXPONENTS

MARK = "---8<---"
MAX_READ = 8_000  # of the customer's words; what matters stands early, and a megabyte must not cost seconds

_TICKET = re.compile(r"^\s*ticket\s+(?P<id>[\w-]+)\s*:\s*(?P<subject>.*)$", re.IGNORECASE | re.MULTILINE)
_CUSTOMER = re.compile(
    r"^\s*customer\s*:\s*(?P<ref>[^\s(,]+|[^\n(]+?)\s*(?:\((?P<name>[^,)\n]*)(?:,\s*(?P<email>[^)\s]*))?\))?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_ORDER = re.compile(r"\bA\s?[-–#]?\s?(\d{3,9})\b")
_ORDER_LOOSE = re.compile(
    r"\b(?:a[-–#]|order(?:\s+(?:number|no\.?|nr\.?|id))?\s*:?\s*[#a]?[-–]?\s?)(\d{3,9})\b", re.IGNORECASE
)
_CUSTOMER_NUMBER = re.compile(r"\bC-(\d{3,9})\b", re.IGNORECASE)
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_WORDS = {
    "dollar": "USD",
    "buck": "USD",
    "euro": "EUR",
    "pound": "GBP",
    "quid": "GBP",
    "yen": "JPY",
    "franc": "CHF",
}
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d{1,7}(?:[.,]\d{1,2})?"
_CODES = "|".join(EXPONENTS)
_AMOUNT = re.compile(
    rf"(?P<sign>[$€£¥])\s?(?P<after>{_NUMBER})"
    rf"|(?P<code>\b(?:{_CODES}))\s?(?P<coded>{_NUMBER})"
    rf"|\b(?P<before>{_NUMBER})\s?(?P<unit>[$€£¥]|(?:{_CODES}|dollars?|bucks?|euros?|pounds?|quid|yen|francs?)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Request:
    ticket: str
    subject: str
    body: str
    customer: str
    """Number, e-mail or name for the tools; empty when nobody is named."""
    name: str
    trusted: bool
    """True when staff or a program wrote the goal, False when the body is a customer's message."""

    @property
    def text(self) -> str:
        return f"{self.subject}\n{self.body}".strip()

    @property
    def first_name(self) -> str:
        return self.name.split()[0] if self.name.split() else ""


@lru_cache(maxsize=256)
def parse(goal: str) -> Request:
    """Read a goal. Only what stands above the customer's message names ticket and customer."""
    head, mark, rest = goal.partition(MARK)
    body = rest.rpartition(MARK)[0] or rest
    ticket = _TICKET.search(head)
    customer = _CUSTOMER.search(head)
    if not mark:
        body = _plain_body(goal, ticket, customer)
    ref = customer.group("ref").strip() if customer else ""
    name = (customer.group("name") or "").strip() if customer else ""
    if customer and not name and not _CUSTOMER_NUMBER.search(ref) and "@" not in ref:
        name = ref
    if not ref and not mark:
        named = _CUSTOMER_NUMBER.search(goal) or _EMAIL.search(goal)
        ref = (
            named.group().upper() if named and "@" not in named.group() else (named.group() if named else "")
        )
    return Request(
        ticket=ticket.group("id") if ticket else "",
        subject=ticket.group("subject").strip() if ticket else "",
        body=body.strip()[:MAX_READ],
        customer=ref,
        name=name,
        trusted=not mark,
    )


def _plain_body(goal: str, *headers: re.Match[str] | None) -> str:
    for header in headers:
        if header:
            goal = goal.replace(header.group(), "", 1)
    return goal


def order_numbers(text: str) -> list[str]:
    """Order numbers in `text` as the store writes them, each once, in order of appearance."""
    found = sorted(
        [
            (match.start(1), match.group(1))
            for pattern in (_ORDER, _ORDER_LOOSE)
            for match in pattern.finditer(text)
        ]
    )
    return list(dict.fromkeys(f"A-{number}" for _, number in found))


@dataclass(frozen=True, slots=True)
class Amount:
    minor: int
    currency: str
    start: int


def amounts(text: str) -> list[Amount]:
    """Amounts of money in `text` in minor units, in order of appearance."""
    found = []
    for match in _AMOUNT.finditer(text):
        unit = (match.group("sign") or match.group("code") or match.group("unit")).lower()
        currency = _SIGNS.get(unit) or _WORDS.get(unit.rstrip("s")) or _WORDS.get(unit) or unit.upper()
        number = match.group("after") or match.group("coded") or match.group("before")
        found.append(Amount(_minor(number, EXPONENTS.get(currency, 2)), currency, match.start()))
    return found


def _minor(number: str, places: int) -> int:
    plain = re.sub(r",(?=\d{3}(?:\D|$))", "", number).replace(",", ".")
    whole, _, part = plain.partition(".")
    fraction = part.ljust(places, "0")[:places] if part else ""
    return int(f"{whole}{fraction.ljust(places, '0')}")

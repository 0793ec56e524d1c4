"""A runbook as numbered clauses: which clause speaks of something, and the percentages and days it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from agentdesk.core.money import EXPONENTS
from agentdesk.core.text import shortened

_CLAUSE = re.compile(
    r"^\s*(?:[-*#]+\s*)?(?:\*\*)?(?:clause\s+|§\s*)?([A-Z]{0,4}-?\d+(?:\.\d+)*)[.):]?(?:\*\*)?[.):]?\s+(?=\S)",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(\d{1,3})\s*(?:%|percent|per cent)", re.IGNORECASE)
_DAYS = re.compile(r"(\d{1,3})\s*(?:\w+\s+)?days?\b", re.IGNORECASE)
MOST_QUOTED = 220
_WHOLE = 100
_AMOUNT = re.compile(r"\b(\d{1,6})\.(\d{2})\b(?!\s*%)")
_PLAIN = re.compile(r"\*\*|`")


@dataclass(frozen=True, slots=True)
class Clause:
    number: str
    text: str

    def __str__(self) -> str:
        return f"clause {self.number}: “{shortened(self.text, MOST_QUOTED)}”"

    @property
    def percent(self) -> int | None:
        """The first percentage from 1 to 100 it names."""
        found = _PERCENT.search(self.text)
        return int(found.group(1)) if found and 1 <= int(found.group(1)) <= _WHOLE else None

    def amount_in(self, currency: str) -> int | None:
        """The first amount with two decimals it names (`from 50.00 on`), in minor units of `currency`."""
        found = _AMOUNT.search(self.text)
        if not found:
            return None
        hundredths = int(f"{found.group(1)}{found.group(2)}")
        places: int = EXPONENTS.get(currency, 2)
        return int(Decimal(hundredths).scaleb(places - 2))

    @property
    def days(self) -> int | None:
        found = _DAYS.search(self.text)
        return int(found.group(1)) if found else None


@dataclass(frozen=True, slots=True)
class Runbook:
    title: str
    version: str
    clauses: tuple[Clause, ...]

    def about(self, *patterns: str) -> Clause | None:
        """The first clause that matches all of the patterns."""
        return next(iter(self.all_about(*patterns)), None)

    def all_about(self, *patterns: str) -> list[Clause]:
        return [
            clause
            for clause in self.clauses
            if all(re.search(pattern, clause.text, re.IGNORECASE) for pattern in patterns)
        ]


NONE = Runbook("", "", ())


def parse(title: str, version: str, body: str) -> Runbook:
    """Read Markdown with numbered clauses; a clause goes on until the next number, heading or empty line."""
    clauses: list[Clause] = []
    number, parts = "", list[str]()
    for line in [*body.splitlines(), ""]:
        start = _CLAUSE.match(line)
        if start or not line.strip() or line.lstrip().startswith("#"):
            if number:
                clauses.append(Clause(number, _PLAIN.sub("", " ".join(parts)).strip()))
            number, parts = (start.group(1), [line[start.end() :].strip()]) if start else ("", [])
        elif number:
            parts.append(line.strip())
    return Runbook(title, version, tuple(clauses))

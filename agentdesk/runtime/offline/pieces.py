"""Which line of an order is meant, how many pieces of it, and what they cost."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentdesk.runtime.offline.pick import named_lines
from agentdesk.runtime.offline.shop import Line, Order
from agentdesk.runtime.offline.words import plain

_ALL = re.compile(
    r"\b(?:all|both|every(?:thing)?|each|entire|whole) (?:of )?(?:them|the|it|my|three|four|two|items?|order|pieces|is|was|were|are|arrived|broken|came)\b|\b(?:both|everything)\b"
)
_ONE_OF = re.compile(
    r"\b(?:(?:only )?one of|one (?:is|was|had|has|arrived|came|broken)|one (?:\w+ )?(?:broken|cracked|damaged|smashed)|1 of|the other (?:one )?(?:is|was) (?:fine|ok|good|intact|great))\b"
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_COUNT = re.compile(
    rf"\b({'|'.join(_NUMBERS)}|\d{{1,2}}) (?:of (?:the|my|them|these)|(?:\w+ ){{0,2}}?(?:are|were|is|was|arrived|came|broken|cracked|damaged|smashed|chipped|wrong))\b"
)


@dataclass(frozen=True, slots=True)
class Pieces:
    lines: tuple[tuple[Line, int], ...]

    @property
    def price_minor(self) -> int:
        return sum(line.unit_price_minor * quantity for line, quantity in self.lines)

    def __str__(self) -> str:
        """As in a sentence: `the Teapot and 2 × Stoneware mug`."""
        return " and ".join(
            f"the {line.title}" if quantity == 1 else f"{quantity} × {line.title}"
            for line, quantity in self.lines
        )


def meant(order: Order, words: str) -> Pieces | None:
    """The pieces the words speak of; None when the order has several lines and none is named."""
    said = plain(words)
    named = named_lines(order, words)
    if not named and len(order.lines) > 1:
        return Pieces(tuple((line, line.quantity) for line in order.lines)) if _ALL.search(said) else None
    lines = (named or list(order.lines))[:3]
    if not lines:
        return None
    if len(lines) > 1 and not _ALL.search(said):
        lines = lines[:1] if named and len({line.title for line in lines}) == 1 else lines
        if len(lines) > 1 and not re.search(r"\band\b|,", said):
            return None
    return Pieces(tuple((line, _quantity(line, said)) for line in lines))


def _quantity(line: Line, said: str) -> int:
    if line.quantity == 1:
        return 1
    if _ONE_OF.search(said):
        return 1
    count = _COUNT.search(said)
    if count:
        number = _NUMBERS.get(count.group(1)) or int(count.group(1))
        return max(1, min(number, line.quantity))
    if _ALL.search(said):
        return line.quantity
    singular = line.title.split()[-1].lower().rstrip("s")
    plural = re.search(rf"\b{re.escape(singular)}e?s\b", said)
    return line.quantity if plural else 1

"""What a colleague meant: answers to the agent's questions, and reasons given with a refusal."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from agentdesk.runtime.offline.request import Amount, amounts, order_numbers
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import classify


class Verb(enum.StrEnum):
    REFUND = "refund"
    DECLINE = "decline"
    REPLY = "reply"
    YES = "yes"
    TAKE_OVER = "take over"
    CASE = "case"
    FACT = "fact"
    """The answer names an order or a customer and nothing else to do."""
    OTHER = "other"


_REFUNDING = re.compile(
    r"\b(?:refund|reimburse|give (?:\w+ ){0,3}?back|pay (?:\w+ ){0,3}?back|credit|compensate|goodwill|offer|make it)\b",
    re.IGNORECASE,
)
_DECLINING = re.compile(
    r"\b(?:decline|deny|denied|reject|refuse|turn (?:it |this )?down|no refund|no compensation|not eligible|nothing (?:to|for)|"
    r"(?:do not|don['’]?t|cannot|can['’]?t|won['’]?t|not|never) (?:\w+ ){0,2}?(?:refund|pay|compensate|reimburse|approve|give|offer))\b",
    re.IGNORECASE,
)
_REPLYING = re.compile(
    r"^\W*(?:please\s+)?(?:tell|reply|respond|answer|write|say|explain|inform|let)\b(?:\s+(?:to|them|him|her|the customer|customer|know))*"
    r"\s*(?:that|with|:|,|-)?\s*(?P<text>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_TAKING_OVER = re.compile(
    r"\b(?:leave (?:it|this|that) (?:to|with)|i(?:['’]ll| will| am going to|['’]m going to)\s+(?:\w+\s+)?(?:handle|take|deal|call|contact|answer|write|talk|sort|look)|"
    r"we(?:['’]ll| will) (?:handle|take|deal)|escalate|hand (?:it|this) over|forward (?:it|this)|(?:legal|fraud|privacy|security|finance) (?:team )?(?:will|takes|handles))\b",
    re.IGNORECASE,
)
_AGREEING = re.compile(
    r"^\W*(?:yes|yep|yeah|ok|okay|sure|go ahead|approved?|agreed?|do (?:it|that|so)|fine|correct|confirmed?|right|please do|arrived|it (?:has )?arrived)\b",
    re.IGNORECASE,
)
_DISAGREEING = re.compile(r"^\W*(?:no|nope|nothing|none)\b", re.IGNORECASE)
_CUSTOMER = re.compile(r"\bC-\d{3,9}\b|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b", re.IGNORECASE)
_INSTEAD = re.compile(
    r"\b(?:only|instead|at most|no more than|max(?:imum)?|up to|just|make it|offer|rather|reduce)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Directive:
    verb: Verb
    text: str
    by: str
    amount: Amount | None
    orders: tuple[str, ...]
    customer: str
    kind: Kind | None
    reply: str


def read(text: str, by: str = "") -> Directive:
    said = text.strip()
    named = amounts(said)
    bare = re.search(
        r"\b(?:refund|offer|credit|goodwill of)\s+(\d{1,5})(?:\.(\d{2}))?\b(?!\s*%)", said, re.IGNORECASE
    )
    amount = named[0] if named else (
        Amount(int(bare.group(1)) * 100 + int(bare.group(2) or 0), "", bare.start()) if bare else None
    )  # fmt: skip
    orders = tuple(order_numbers(said))
    customer = _CUSTOMER.search(said)
    kind = classify("", said).kind
    reply = _REPLYING.match(said)
    return Directive(
        verb=_verb(
            said,
            has_amount=amount is not None,
            kind=kind,
            names=bool(orders or customer),
            replies=bool(reply),
        ),
        text=said,
        by=by,
        amount=amount,
        orders=orders,
        customer=customer.group() if customer else "",
        kind=None if kind is Kind.UNCLEAR else kind,
        reply=reply.group("text").strip() if reply else "",
    )


def _verb(said: str, *, has_amount: bool, kind: Kind, names: bool, replies: bool) -> Verb:
    declines = bool(_DECLINING.search(said))
    verbs = (
        (Verb.REPLY, replies),
        (Verb.TAKE_OVER, bool(_TAKING_OVER.search(said))),
        (Verb.REFUND, bool(_REFUNDING.search(said)) and not declines),
        (Verb.DECLINE, declines or bool(_DISAGREEING.match(said))),
        (Verb.YES, bool(_AGREEING.match(said))),
        (Verb.REFUND, has_amount),
        (Verb.CASE, kind is not Kind.UNCLEAR),
        (Verb.FACT, names),
    )
    return next((verb for verb, fits in verbs if fits), Verb.OTHER)


def counter_offer(reason: str, *, below_minor: int) -> int | None:
    """The smaller amount a refusal asks for instead ("refund only $10"), in minor units."""
    if not (_REFUNDING.search(reason) and _INSTEAD.search(reason)):
        return None
    smaller = [amount.minor for amount in amounts(reason) if 0 < amount.minor < below_minor]
    return smaller[0] if len(smaller) == 1 else None


_SOFTENED = [
    (r"already (?:\w+ ){0,3}?(?:refunded|credited|paid|received)|refunded (?:\w+ ){0,3}?(?:already|before|elsewhere)|by (?:the|their|his|her) bank",
     "our records show that this money has already been given back, or is being given back another way"),
    (r"\b(?:photos?|pictures?|evidence|proof|receipt|statement|screenshot)\b",
     "we need a little more from you first: please send us a photo or a copy of the statement that shows it"),
    (r"\b(?:not (?:a )?duplicates?|two (?:separate|different)|both (?:charges |are |were )*(?:valid|legitimate|correct)|separate (?:orders|purchases|charges)|authori[sz]ation|pending|hold)\b",
     "on a closer look the charges belong to separate things, or one of them is only a reservation that will disappear by itself"),
    (r"\b(?:too (?:late|old|long)|window|deadline|expired|days)\b", "the time in which we can do this has passed"),
    (r"\b(?:return|send (?:it )?back|sent back)\b", "the item needs to come back to us first"),
    (r"\b(?:policy|policies|rule|rules|terms|runbook|not covered|not eligible|outside)\b", "our rules do not cover it in this case"),
    (r"\b(?:replace|replacement|new one|resend|re-?ship)\b", "we would rather send you a replacement, and a colleague will write to you about it"),
]  # fmt: skip


def for_customer(reason: str) -> str:
    """A refusal's reason in words a customer may read; the colleague's own words stay inside."""
    for pattern, kind_words in _SOFTENED:
        if re.search(pattern, reason, re.IGNORECASE):
            return kind_words
    return "after looking at the details again we cannot do it as things stand"

"""The rules of the sign-off as pure functions of values: who must sign what, and may this person.

A policy is data (see `parse`); nothing here knows Django or a database.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agentdesk.core.errors import Invalid
from agentdesk.core.money import EXPONENTS, Money, format_money


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Band(_Strict):
    """Who signs amounts up to `up_to` minor units (None: without end)."""

    up_to: Annotated[int, Field(ge=0)] | None
    groups: Annotated[list[str], Field(min_length=1)]
    """A signature counts when its signer is in one of these groups."""
    signatures: Annotated[int, Field(ge=1, le=5)]
    of_whom: str | None
    """A group that at least one of the signers must be in, or None."""

    @model_validator(mode="after")
    def _of_whom_is_among_groups(self) -> Band:
        if self.of_whom is not None and self.of_whom not in self.groups:
            raise ValueError(f"of_whom {self.of_whom!r} is not among the groups of its band")
        return self


class Rule(_Strict):
    """The gate asks about `tool` when the amount is at or above `ask_from` minor units; below, it allows."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    tool: Annotated[str, Field(min_length=1, max_length=80)]
    currency: Literal["USD", "EUR", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CAD", "AUD", "JPY"]
    ask_from: Annotated[int, Field(ge=0)]
    bands: Annotated[list[Band], Field(min_length=1)]
    expires_after_hours: Annotated[int, Field(ge=1, le=24 * 90)]

    @model_validator(mode="after")
    def _bands_rise_to_the_end(self) -> Rule:
        limits = [band.up_to for band in self.bands]
        finite = [limit for limit in limits[:-1] if limit is not None]
        if limits[-1] is not None or len(finite) != len(limits) - 1 or finite != sorted(set(finite)):
            raise ValueError(
                "the bands' up_to must rise, and only the last one is null, so that every amount has a band"
            )
        return self


class Policy(_Strict):
    rules: list[Rule]

    @model_validator(mode="after")
    def _one_rule_a_tool_and_currency(self) -> Policy:
        pairs = [(rule.tool, rule.currency) for rule in self.rules]
        if len(set(pairs)) != len(pairs):
            raise ValueError("a tool has two rules for one currency; keep one")
        return self


def parse(data: object) -> Policy:
    """Raises Invalid with every problem in words."""
    try:
        return Policy.model_validate(data, strict=True)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
        )
        raise Invalid(f"The policy's rules are wrong: {problems}.") from None


@dataclass(frozen=True, slots=True)
class Allowed:
    why: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A person must sign: under which rule, in which band, and why, in words."""

    rule: str
    band: Band
    why: str
    expires_after_hours: int


def consider(policy: Policy, *, tool: str, amount: Money) -> Allowed | Asked:
    """What the policy says about a sensitive call. Where no rule speaks of its tool and currency, the strictest band does."""
    assert amount.currency in EXPONENTS
    rule = next(
        (rule for rule in policy.rules if (rule.tool, rule.currency) == (tool, amount.currency)), None
    )
    if rule is None:
        return _unruled(policy, tool=tool, amount=amount)
    if amount.minor < rule.ask_from:
        return Allowed(
            why=f"{amount} is below {format_money(rule.ask_from, rule.currency)}, from which {rule.name} asks."
        )
    band = next(band for band in rule.bands if band.up_to is None or amount.minor <= band.up_to)
    limit = "of any amount" if band.up_to is None else f"up to {format_money(band.up_to, rule.currency)}"
    return Asked(
        rule=rule.name,
        band=band,
        why=f"{rule.name}, {_above(rule, band) or limit}: {in_words(band)}.",
        expires_after_hours=rule.expires_after_hours,
    )


_NOBODY_SAID = Band(up_to=None, groups=["finance"], signatures=2, of_whom=None)


def _unruled(policy: Policy, *, tool: str, amount: Money) -> Asked:
    """Fail closed: the band with the most signatures that the policy has, for this tool if it can be."""
    related = [rule for rule in policy.rules if rule.tool == tool] or policy.rules
    bands = [band for rule in related for band in rule.bands]
    strictest = max(bands, key=_strictness, default=_NOBODY_SAID)
    return Asked(
        rule=related[0].name if related else "No rule",
        band=strictest,
        why=f"No rule covers {tool} in {amount.currency}, so the strictest band applies: {in_words(strictest)}.",
        expires_after_hours=min((rule.expires_after_hours for rule in related), default=72),
    )


def _strictness(band: Band) -> tuple[int, bool, bool, int]:
    """Of equally many signatures the band without end, which is for the largest amounts, and the fewest groups."""
    return band.signatures, band.of_whom is not None, band.up_to is None, -len(band.groups)


def _above(rule: Rule, band: Band) -> str:
    index = rule.bands.index(band)
    below = rule.bands[index - 1].up_to if index and band.up_to is None else None
    return "" if below is None else f"above {format_money(below, rule.currency)}"


def in_words(band: Band) -> str:
    """For example `one signature by lead or finance`, `two different people from lead or finance, one of them finance`."""
    groups = " or ".join(band.groups)
    if band.signatures == 1:
        return f"one signature by {band.of_whom or groups}"
    count = {2: "two", 3: "three", 4: "four", 5: "five"}[band.signatures]
    tail = f", at least one of them {band.of_whom}" if band.of_whom else ""
    return f"{count} different people from {groups}{tail}"


class Hindrance(StrEnum):
    """Why a person may not sign; each value is the sentence they read."""

    INACTIVE = "Your account is not active."
    NO_PERMISSION = "Your role may not decide approvals."
    REQUESTER = "You asked for this task, so somebody else has to sign."
    NOT_IN_BAND = "This amount needs somebody from another group."
    SIGNED_ALREADY = "You have signed this already; it needs somebody else now."
    NEEDS_OTHER_GROUP = "The missing signature must come from another group."


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules look at in a person."""

    id: int
    groups: frozenset[str]
    active: bool
    may_decide: bool


@dataclass(frozen=True, slots=True)
class Signature:
    person_id: int
    groups: frozenset[str]


def entitled(band: Band, person: Person, *, askers: Collection[int]) -> Hindrance | None:
    """None when the signature of `person` counts in this band; being a superuser changes nothing.

    `askers` are the ids of everybody who asked for the task: none of them signs for it.
    """
    if not person.active:
        return Hindrance.INACTIVE
    if not person.may_decide:
        return Hindrance.NO_PERMISSION
    if person.id in askers:
        return Hindrance.REQUESTER
    if not person.groups & set(band.groups):
        return Hindrance.NOT_IN_BAND
    return None


def hindrance(
    band: Band, person: Person, *, askers: Collection[int], signatures: Collection[Signature]
) -> Hindrance | None:
    """None when `person` may sign now, after these signatures."""
    not_entitled = entitled(band, person, askers=askers)
    if not_entitled is not None:
        return not_entitled
    if any(signature.person_id == person.id for signature in signatures):
        return Hindrance.SIGNED_ALREADY
    would_be = [*signatures, Signature(person.id, person.groups)]
    if len(would_be) >= band.signatures and not _has_needed_group(band, would_be):
        return Hindrance.NEEDS_OTHER_GROUP
    return None


def complete(band: Band, signatures: Sequence[Signature]) -> bool:
    """Whether these signatures of distinct people are enough."""
    people = {signature.person_id for signature in signatures if signature.groups & set(band.groups)}
    return len(people) >= band.signatures and _has_needed_group(band, signatures)


def _has_needed_group(band: Band, signatures: Sequence[Signature]) -> bool:
    return band.of_whom is None or any(band.of_whom in signature.groups for signature in signatures)

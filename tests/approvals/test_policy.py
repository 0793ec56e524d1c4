"""The rules of the sign-off against a second, plainer telling of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agentdesk.core.errors import Invalid
from agentdesk.core.money import EXPONENTS, Money
from approvals.policy import (
    Allowed,
    Asked,
    Band,
    Hindrance,
    Person,
    Policy,
    Rule,
    Signature,
    complete,
    consider,
    entitled,
    hindrance,
    in_words,
    parse,
)

BANDS: list[dict[str, Any]] = [
    {"up_to": 25_000, "groups": ["lead", "finance"], "signatures": 1, "of_whom": None},
    {"up_to": 100_000, "groups": ["finance"], "signatures": 1, "of_whom": None},
    {"up_to": None, "groups": ["lead", "finance"], "signatures": 2, "of_whom": "finance"},
]
RULE: dict[str, Any] = {
    "name": "Refunds",
    "tool": "issue_refund",
    "currency": "USD",
    "ask_from": 1000,
    "bands": BANDS,
    "expires_after_hours": 72,
}
SMALL, MIDDLE, LARGE = (Band.model_validate(band) for band in BANDS)
GROUPS = ("viewer", "lead", "finance", "admin")


def rule(**changes: Any) -> dict[str, Any]:
    return {**RULE, **changes}


def band(**changes: Any) -> dict[str, Any]:
    return {**BANDS[-1], **changes}


def someone(number: int = 1, *groups: str, active: bool = True, may_decide: bool = True) -> Person:
    return Person(number, frozenset(groups), active, may_decide)


def signed(number: int, *groups: str) -> Signature:
    return Signature(number, frozenset(groups))


# What is wrong with a policy is said


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "Input should be"),
        ([], "Input should be"),
        ({}, "rules: Field required"),
        ({"rules": [RULE], "more": 1}, "more: Extra inputs"),
        ({"rules": [rule(extra=1)]}, "rules.0.extra: Extra inputs"),
        ({"rules": [rule(name="")]}, "rules.0.name"),
        ({"rules": [rule(tool="x" * 81)]}, "rules.0.tool"),
        ({"rules": [rule(currency="XXX")]}, "rules.0.currency"),
        ({"rules": [rule(ask_from=-1)]}, "rules.0.ask_from"),
        ({"rules": [rule(ask_from="0")]}, "rules.0.ask_from"),
        ({"rules": [rule(ask_from=1.0)]}, "rules.0.ask_from"),
        ({"rules": [rule(ask_from=True)]}, "rules.0.ask_from"),
        ({"rules": [rule(expires_after_hours=0)]}, "rules.0.expires_after_hours"),
        ({"rules": [rule(expires_after_hours=24 * 90 + 1)]}, "rules.0.expires_after_hours"),
        ({"rules": [rule(bands=[])]}, "rules.0.bands"),
        ({"rules": [rule(bands=BANDS[:2])]}, "only the last one is null"),
        ({"rules": [rule(bands=[BANDS[2], BANDS[2]])]}, "only the last one is null"),
        ({"rules": [rule(bands=[BANDS[1], BANDS[0], BANDS[2]])]}, "must rise"),
        ({"rules": [rule(bands=[BANDS[0], BANDS[0], BANDS[2]])]}, "must rise"),
        ({"rules": [rule(bands=[band(groups=[])])]}, "rules.0.bands.0.groups"),
        ({"rules": [rule(bands=[band(signatures=0)])]}, "rules.0.bands.0.signatures"),
        ({"rules": [rule(bands=[band(signatures=6)])]}, "rules.0.bands.0.signatures"),
        ({"rules": [rule(bands=[band(of_whom="admin")])]}, "'admin' is not among the groups"),
        ({"rules": [rule(bands=[band(up_to=-1), BANDS[2]])]}, "rules.0.bands.0.up_to"),
        ({"rules": [RULE, RULE]}, "a tool has two rules for one currency"),
    ],
)
def test_a_wrong_policy_is_refused_and_the_place_is_named(data: object, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(data)
    assert words in refused.value.sentence


def test_every_problem_of_a_policy_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse({"rules": [rule(ask_from=-1, currency="XXX")]})
    assert "rules.0.ask_from" in refused.value.sentence
    assert "rules.0.currency" in refused.value.sentence


def test_a_policy_survives_being_stored() -> None:
    policy = parse({"rules": [RULE]})
    assert parse(policy.model_dump(mode="json")) == policy


# Which band


@pytest.mark.parametrize(
    ("minor", "wanted"),
    [
        (0, None),
        (999, None),
        (1000, SMALL),
        (25_000, SMALL),
        (25_001, MIDDLE),
        (100_000, MIDDLE),
        (100_001, LARGE),
        (10**15, LARGE),
    ],
)
def test_the_amount_chooses_the_band_and_its_upper_end_belongs_to_it(minor: int, wanted: Band | None) -> None:
    answer = consider(parse({"rules": [RULE]}), tool="issue_refund", amount=Money(minor, "USD"))
    assert (answer.band if isinstance(answer, Asked) else None) == wanted


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (500, "USD", "$5.00 is below $10.00, from which Refunds asks."),
        (2900, "USD", "Refunds, up to $250.00: one signature by lead or finance."),
        (30_000, "USD", "Refunds, up to $1,000.00: one signature by finance."),
        (
            150_000,
            "USD",
            "Refunds, above $1,000.00: two different people from lead or finance, at least one of them finance.",
        ),
    ],
)
def test_why_it_asks_or_not_is_one_sentence(minor: int, currency: str, words: str) -> None:
    assert consider(parse({"rules": [RULE]}), tool="issue_refund", amount=Money(minor, currency)).why == words


def test_one_band_without_end_is_of_any_amount() -> None:
    answer = consider(
        parse({"rules": [rule(bands=[band(of_whom=None)])]}), tool="issue_refund", amount=Money(5000, "USD")
    )
    assert answer.why == "Refunds, of any amount: two different people from lead or finance."


UNLIMITED_LEAD = {"up_to": None, "groups": ["lead", "finance"], "signatures": 1, "of_whom": None}
CREDIT = rule(name="Credit", tool="give_credit", bands=[UNLIMITED_LEAD], expires_after_hours=24)


@pytest.mark.parametrize(
    ("rules", "tool", "currency", "wanted", "name", "hours"),
    [
        ([RULE], "issue_refund", "EUR", LARGE, "Refunds", 72),
        ([RULE], "delete_account", "USD", LARGE, "Refunds", 72),
        ([CREDIT, RULE], "give_credit", "EUR", Band.model_validate(UNLIMITED_LEAD), "Credit", 24),
        ([CREDIT, RULE], "delete_account", "USD", LARGE, "Credit", 24),
        # of bands with as many signatures, the one for the largest amounts
        ([rule(bands=[BANDS[0], {**BANDS[1], "up_to": None}])], "issue_refund", "EUR",
         Band.model_validate({**BANDS[1], "up_to": None}), "Refunds", 72),
    ],
)  # fmt: skip
def test_what_no_rule_covers_gets_the_strictest_band(
    rules: list[dict[str, Any]], tool: str, currency: str, wanted: Band, name: str, hours: int
) -> None:
    answer = consider(parse({"rules": rules}), tool=tool, amount=Money(1, currency))
    assert isinstance(answer, Asked)
    assert (answer.band, answer.rule, answer.expires_after_hours) == (wanted, name, hours)
    assert (
        answer.why
        == f"No rule covers {tool} in {currency}, so the strictest band applies: {in_words(wanted)}."
    )


def test_a_policy_without_rules_still_asks_two_people_of_finance() -> None:
    answer = consider(Policy(rules=[]), tool="issue_refund", amount=Money(1, "USD"))
    assert isinstance(answer, Asked)
    assert (answer.band.groups, answer.band.signatures) == (["finance"], 2)


def test_one_signature_of_a_named_group_is_said_so() -> None:
    assert in_words(Band(up_to=None, groups=["lead", "finance"], signatures=1, of_whom="finance")) == (
        "one signature by finance"
    )


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_the_number_of_people_is_said_in_words(count: int) -> None:
    words = in_words(Band(up_to=None, groups=["lead"], signatures=count, of_whom=None))
    assert words == f"{['two', 'three', 'four', 'five'][count - 2]} different people from lead"


rising = some.lists(some.integers(0, 10**9), unique=True, max_size=4).map(sorted)
rules = some.builds(
    lambda limits, ask_from, currency: Rule.model_validate(
        rule(
            currency=currency,
            ask_from=ask_from,
            bands=[
                band(up_to=limit, signatures=1 + place % 5, of_whom=None)
                for place, limit in enumerate([*limits, None])
            ],
        )
    ),
    rising,
    some.integers(0, 10**9),
    some.sampled_from(sorted(EXPONENTS)),
)


@given(rules, some.integers(0, 2 * 10**9), some.sampled_from(sorted(EXPONENTS)))
def test_the_first_band_that_reaches_the_amount_is_chosen(wanted: Rule, minor: int, currency: str) -> None:
    answer = consider(Policy(rules=[wanted]), tool=wanted.tool, amount=Money(minor, currency))
    if currency != wanted.currency:
        assert isinstance(answer, Asked)
        assert answer.band.signatures == max(one.signatures for one in wanted.bands)
    elif minor < wanted.ask_from:
        assert isinstance(answer, Allowed)
    else:
        reaching = [one for one in wanted.bands if one.up_to is None or one.up_to >= minor]
        assert isinstance(answer, Asked)
        assert answer.band == reaching[0]


# Who may sign


@pytest.mark.parametrize(
    ("who", "given_before", "wanted"),
    [
        (someone(1, "lead"), [], None),
        (someone(1, "finance"), [], None),
        (someone(1, "lead", active=False), [], Hindrance.INACTIVE),
        (someone(1, "lead", may_decide=False), [], Hindrance.NO_PERMISSION),
        (someone(9, "finance"), [], Hindrance.REQUESTER),
        (someone(1), [], Hindrance.NOT_IN_BAND),
        (someone(1, "admin"), [], Hindrance.NOT_IN_BAND),
        (someone(1, "lead"), [signed(1, "lead")], Hindrance.SIGNED_ALREADY),
        (someone(1, "lead"), [signed(2, "lead")], Hindrance.NEEDS_OTHER_GROUP),
        (someone(1, "lead"), [signed(2, "finance")], None),
        (someone(1, "finance"), [signed(2, "lead")], None),
        (someone(9, "finance", active=False, may_decide=False), [signed(9, "finance")], Hindrance.INACTIVE),
    ],
)
def test_what_hinders_a_person_is_told_in_this_order(
    who: Person, given_before: list[Signature], wanted: Hindrance | None
) -> None:
    assert hindrance(LARGE, who, askers={9}, signatures=given_before) == wanted


def test_nobody_asked_for_a_task_of_the_import_so_nobody_is_excluded() -> None:
    assert entitled(SMALL, someone(1, "lead"), askers=()) is None


groups = some.frozensets(some.sampled_from(GROUPS))
bands = some.builds(
    lambda among, count, of_whom: Band(
        up_to=None,
        groups=sorted(among),
        signatures=count,
        of_whom=of_whom if of_whom in among else None,
    ),
    some.frozensets(some.sampled_from(GROUPS), min_size=1),
    some.integers(1, 5),
    some.sampled_from([None, *GROUPS]),
)
people = some.lists(
    some.builds(Person, some.integers(1, 6), groups, some.booleans(), some.booleans()), max_size=8
)


def enough(wanted: Band, signatures: list[Signature]) -> bool:
    """The oracle: some choice of that many different people, all of the band's groups, one of the named group."""
    counting = {s.person_id: s for s in signatures if s.groups & set(wanted.groups)}
    return any(
        wanted.of_whom is None or any(wanted.of_whom in s.groups for s in signatures)
        for _ in combinations(counting, wanted.signatures)
    )


@given(bands, people)
def test_complete_means_enough_different_people_of_the_right_groups(
    wanted: Band, signers: list[Person]
) -> None:
    signatures = [Signature(p.id, p.groups) for p in signers]
    assert complete(wanted, signatures) == enough(wanted, signatures)


@given(bands, people, some.integers(1, 6))
def test_who_signs_without_hindrance_never_leads_to_a_wrong_sign_off(
    wanted: Band, queue: list[Person], requester: int
) -> None:
    """However people come, in any order: what completes was signed by that many entitled people and not by the requester."""
    signatures: list[Signature] = []
    for who in queue:
        before = complete(wanted, signatures)
        hindered = hindrance(wanted, who, askers={requester}, signatures=signatures)
        if hindered is None and not before:
            assert who.active
            assert who.may_decide
            assert who.id != requester
            signatures.append(Signature(who.id, who.groups))
    assert len({s.person_id for s in signatures}) == len(signatures) <= wanted.signatures
    if len(signatures) == wanted.signatures:
        assert complete(wanted, signatures), "the last signature that is let in completes it"


@given(bands, people, some.builds(Person, some.integers(1, 6), groups, some.booleans(), some.booleans()))
def test_a_signature_never_takes_completeness_away(wanted: Band, signers: list[Person], more: Person) -> None:
    signatures = [Signature(p.id, p.groups) for p in signers]
    if complete(wanted, signatures):
        assert complete(wanted, [*signatures, Signature(more.id, more.groups)])

"""What each answer of Stripe, and each silence, says about the money."""

from __future__ import annotations

import pytest

from agentdesk.core.errors import ToolError
from tests.factories import ChargeFactory
from tests.payments.conftest import Stripelike
from tools.outcomes import Happened, Refused, Unclear
from tools.store.payments.provider import RefundRequest
from tools.store.payments.stripe import PROVIDER

KEY = "call_01"


def request(**changes: object) -> RefundRequest:
    plain = {
        "provider": "stripe",
        "refund": "RF-1",
        "order": "A-1",
        "charge": "CH-1",
        "reference": "ch_2900_usd_a1",
        "amount_minor": 1000,
        "currency": "USD",
        "duplicate": False,
    }
    return RefundRequest(**{**plain, **changes})  # type: ignore[typeddict-item]


def test_money_goes_back_once_under_its_key(through_stripe: Stripelike) -> None:
    first, again = PROVIDER.give_back(KEY, request()), PROVIDER.give_back(KEY, request())
    assert isinstance(first, Happened)
    assert again == first
    assert first.facts == {"status": "succeeded", "amount_minor": 1000, "currency": "USD"}
    (effect,) = through_stripe.effects
    assert (effect["key"], effect["amount"], effect["charge"]) == (KEY, 1000, "ch_2900_usd_a1")
    assert effect["metadata"]["agentdesk_call"] == KEY


@pytest.mark.parametrize(("duplicate", "reason"), [(True, "duplicate"), (False, "requested_by_customer")])
def test_stripe_is_told_why(through_stripe: Stripelike, duplicate: bool, reason: str) -> None:
    PROVIDER.give_back(KEY, request(duplicate=duplicate))
    assert through_stripe.effects[0]["reason"] == reason


@pytest.mark.parametrize("reference", ["ch_2900_usd_a1", "pi_2900_usd_a1"])
def test_it_is_found_by_its_key_on_the_charge_or_the_payment(
    through_stripe: Stripelike, reference: str
) -> None:
    asked = request(reference=reference)
    assert PROVIDER.find(KEY, asked) is None
    done = PROVIDER.give_back(KEY, asked)
    for number in range(3):
        PROVIDER.give_back(f"other{number}", request(reference=reference, amount_minor=10))
    assert PROVIDER.find(KEY, asked) == done


@pytest.mark.parametrize(
    ("fault", "began", "moved"),
    [
        ("timeout_before", True, 0),
        ("timeout_after", True, 1),
        ("cut_before", True, 0),
        ("cut_after", True, 1),
        ("409", True, 0),
        ("429", False, 0),
        ("500_before", True, 0),
        ("500_kept", True, 0),
        ("500_after", True, 1),
    ],
)
def test_no_fault_is_taken_for_a_yes_or_a_no(
    through_stripe: Stripelike, fault: str, began: bool, moved: int
) -> None:
    through_stripe.tell(next=[fault])
    outcome = PROVIDER.give_back(KEY, request())
    assert isinstance(outcome, Unclear), outcome
    assert outcome.began is began
    assert len(through_stripe.effects) == moved
    assert isinstance(PROVIDER.find(KEY, request()), Happened) is bool(moved)


def test_a_refusal_is_final_and_says_why(through_stripe: Stripelike) -> None:
    outcome = PROVIDER.give_back(KEY, request(amount_minor=2901))
    assert isinstance(outcome, Refused)
    assert "greater than unrefunded amount" in outcome.sentence
    assert not through_stripe.effects


def test_a_server_that_is_not_there_was_sent_nothing(through_stripe: Stripelike) -> None:
    through_stripe.stop()
    outcome = PROVIDER.give_back(KEY, request())
    assert isinstance(outcome, Unclear)
    assert outcome.began is False


@pytest.mark.parametrize("fault", ["timeout_before", "cut_before", "429", "500_before"])
def test_a_question_without_an_answer_is_not_a_no(through_stripe: Stripelike, fault: str) -> None:
    through_stripe.tell(reads=[fault])
    assert isinstance(PROVIDER.find(KEY, request()), Unclear)


def test_without_a_key_the_refund_is_refused_and_a_question_stays_open(
    through_stripe: Stripelike, settings: object
) -> None:
    settings.STRIPE_API_KEY = ""  # type: ignore[attr-defined]
    assert isinstance(PROVIDER.give_back(KEY, request()), Refused)
    assert isinstance(PROVIDER.find(KEY, request()), Unclear)


@pytest.mark.django_db
@pytest.mark.parametrize("reference", [None, "", "CH-1", "in_123"])
def test_a_charge_that_stripe_did_not_take_is_a_sentence_for_the_model(reference: str | None) -> None:
    with pytest.raises(ToolError, match="was not taken through Stripe"):
        PROVIDER.reference(ChargeFactory(reference=reference))

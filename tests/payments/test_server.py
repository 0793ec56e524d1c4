"""The pretended provider keeps Stripe's promises, so that what is tested against it means something."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from tests.crash.running import ROOT
from tests.payments.conftest import Stripelike

CHARGE = "ch_2900_usd_a1"


def refund(client: stripe.StripeClient, key: str, amount: int = 1000, charge: str = CHARGE) -> stripe.Refund:
    return client.v1.refunds.create(
        {"charge": charge, "amount": amount, "metadata": {"agentdesk_call": key}}, {"idempotency_key": key}
    )


def test_a_key_repeats_its_answer_and_moves_money_once(stripelike: Stripelike) -> None:
    client = stripelike.client()
    first, again = refund(client, "k1"), refund(client, "k1")
    assert (first.id, again.id) == (first.id, first.id)
    assert [effect["amount"] for effect in stripelike.effects] == [1000]


def test_a_key_with_other_parameters_is_refused(stripelike: Stripelike) -> None:
    client = stripelike.client()
    refund(client, "k1")
    with pytest.raises(stripe.IdempotencyError):
        refund(client, "k1", amount=1001)


def test_a_500_after_the_money_moved_is_repeated_under_its_key(stripelike: Stripelike) -> None:
    stripelike.tell(next=["500_after"])
    client = stripelike.client()
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            refund(client, "k1")
    assert len(stripelike.effects) == 1


@pytest.mark.parametrize(("fault", "moved"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_says_nothing_about_the_money(
    stripelike: Stripelike, fault: str, moved: int
) -> None:
    stripelike.tell(next=[fault])
    with pytest.raises(stripe.APIConnectionError):
        refund(stripelike.client(), "k1")
    assert len(stripelike.effects) == moved


def test_a_charge_gives_back_no_more_than_it_took(stripelike: Stripelike) -> None:
    client = stripelike.client()
    refund(client, "k1", amount=2000)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        refund(client, "k2", amount=901)
    refund(client, "k3", amount=900)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(client, "k4", amount=1)
    assert refused.value.code == "charge_already_refunded"


def test_the_list_pages_through_a_charge_newest_first(stripelike: Stripelike) -> None:
    client = stripelike.client()
    for number in range(5):
        refund(client, f"k{number}", amount=100)
    refund(client, "other", charge="ch_2900_usd_b2")
    listed = client.v1.refunds.list({"payment_intent": "pi_2900_usd_a1", "limit": 2})
    assert [found.metadata["agentdesk_call"] for found in listed.auto_paging_iter()] == [
        "k4",
        "k3",
        "k2",
        "k1",
        "k0",
    ]


def test_a_killed_process_knows_afterwards_what_it_did(tmp_path: Path) -> None:
    book = tmp_path / "book.jsonl"
    ids = []
    for _ in range(2):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.payments.server",
                "--port",
                "0",
                "--book",
                str(book),
                "--faults",
                "{}",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        client = stripe.StripeClient("sk_test_1", base_addresses={"api": url}, max_network_retries=0)
        ids.append(refund(client, "k1").id)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        with book.open("a") as file:
            file.write('{"key": "half')  # killed in the middle of a line
    assert ids[0] == ids[1]
    assert book.read_text().count("\n") == 1

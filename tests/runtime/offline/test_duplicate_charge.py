"""The story of the double charge, through the SDK's own runner."""

from __future__ import annotations

import pytest

from tests.runtime.offline.fake_shop import Shop, Story, order, run, subscription_charged_twice, ticket

SUBJECT = "I was charged twice for my monthly subscription"
GOAL = ticket(SUBJECT, "Hi, my statement shows $29.00 twice. Please fix this.")


def shop(**options) -> Shop:
    return Shop(
        [subscription_charged_twice(), order("A-1002", ("Stoneware mug", 2, 1200), placed="2026-02-01")],
        **options,
    )


async def test_the_later_charge_is_refunded_exactly_and_everybody_is_told():
    story = await run(shop(), GOAL)

    assert story.refunds == [("A-1001", "CH-2002", 2900)]
    assert story.turns == 7
    assert "Hi Mara," in story.message
    assert "$29.00" in story.message
    assert "CH-2001" in story.document
    assert "clause 2: “Refund the later charge, exactly its amount, never more.”" in story.document
    assert story.final.startswith("**$29.00 refunded on A-1001.**")


async def test_to_dos_are_ticked_in_the_turns_of_the_work_and_all_end_done():
    story = await run(shop(), GOAL)

    names = [name for name, _ in story.shop.calls]
    assert names.index("set_todo_state") < names.index("get_user_data")
    assert [todo["state"] for todo in story.shop.todos] == ["done"] * 5


async def test_context_comes_before_money():
    story = await run(shop(), GOAL)

    names = [name for name, _ in story.shop.calls if name != "set_todo_state"]
    assert names == [
        "add_todos", "get_user_data", "get_recent_orders", "get_order_details", "get_runbook_by_category",
        "issue_refund", "write_document", "notify_user",
    ]  # fmt: skip


async def test_a_rejected_refund_is_not_tried_again_and_its_reason_is_passed_on():
    reason = "The bank has already credited this to the customer."
    story = await run(
        shop(instead={"issue_refund": [{"refused": f"Lena Lead rejected this: {reason}"}]}), GOAL
    )

    assert len(story.refunds) == 1
    assert reason in story.document
    assert reason in story.final
    assert reason not in story.message
    assert "already been given back" in story.message
    assert "No refund" in story.final
    assert story.shop.todos[2]["state"] == "skipped"


async def test_a_rejection_that_names_a_smaller_amount_leads_to_one_proposal_of_exactly_that():
    story = await run(shop(instead={"issue_refund": [{"refused": "Refund only $10.00 instead."}]}), GOAL)

    assert story.refunds == [("A-1001", "CH-2002", 2900), ("A-1001", "CH-2002", 1000)]
    assert "We have refunded $10.00" in story.message


async def test_a_second_rejection_ends_the_haggling():
    refusals = [
        {"refused": "Refund only $10.00 instead."},
        {"refused": "On second thought, offer only $5.00."},
    ]
    story = await run(shop(instead={"issue_refund": refusals}), GOAL)

    assert [amount for *_, amount in story.refunds] == [2900, 1000]
    assert "On second thought" in story.final


async def test_expiry_is_neither_yes_nor_no():
    story = await run(shop(instead={"issue_refund": [{"expired": "nobody answered in time"}]}), GOAL)

    assert len(story.refunds) == 1
    assert "nobody decided in time" in story.final
    assert "still looking into" in story.message
    assert "cannot refund" not in story.message


async def test_an_edited_amount_is_what_the_customer_reads():
    edited = {
        "refund": "RF-1",
        "order": "A-1001",
        "amount_minor": 2000,
        "currency": "USD",
        "remaining_refundable_minor": 0,
    }
    story = await run(shop(instead={"issue_refund": [edited]}), GOAL)

    assert "We have refunded $20.00" in story.message
    assert "a colleague changed the amount" in story.document


async def test_without_issue_refund_the_composite_tool_does_it():
    story = await run(shop(without=frozenset({"issue_refund"})), GOAL)

    assert [made["order"] for made in story.shop.made("refund_duplicate_charge")] == ["A-1001"]
    assert "$29.00" in story.message


async def test_without_any_refund_tool_it_says_that_it_could_not():
    story = await run(shop(without=frozenset({"issue_refund", "refund_duplicate_charge"})), GOAL)

    assert "Not everything could be done" in story.final
    assert "We have refunded" not in story.message


@pytest.mark.parametrize(
    "error", ["The database is locked. Try again.", "Only $0.00 is left to refund on A-1001."]
)
async def test_a_failed_refund_is_tried_again_at_most_once(error):
    story = await run(shop(instead={"issue_refund": [{"error": error}] * 5}), GOAL)

    assert len(story.refunds) == (2 if "again" in error else 1)
    assert error.rstrip(".") in story.final
    assert "We have refunded" not in story.message


async def test_a_passing_failure_of_a_look_up_does_not_stop_the_work():
    story = await run(
        shop(instead={"get_order_details": [{"error": "Temporarily unavailable, try again."}]}), GOAL
    )

    assert story.refunds == [("A-1001", "CH-2002", 2900)]


async def test_a_charge_refunded_before_is_explained_and_not_refunded_again():
    refunded = order(
        "A-1001", ("Coffee box, monthly", 1, 2900), subscription=True,
        charges=[("CH-1", 2900, "2026-03-01", "Coffee box"), ("CH-2", 2900, "2026-03-02", "Coffee box")],
        refunds=[("RF-9", "CH-2", 2900, "2026-03-05")],
    )  # fmt: skip
    story = await run(Shop([refunded]), GOAL)

    assert story.refunds == []
    assert "already gave $29.00 back on 5 March 2026" in story.message


async def test_no_double_charge_is_said_honestly():
    story = await run(Shop([order("A-1001", ("Coffee box, monthly", 1, 2900), subscription=True)]), GOAL)

    assert story.refunds == []
    assert "each appears only once" in story.message


async def test_two_months_of_a_subscription_are_not_a_double_charge():
    months = order(
        "A-1001", ("Coffee box, monthly", 1, 2900), subscription=True,
        charges=[("CH-1", 2900, "2026-02-01", "Coffee box"), ("CH-2", 2900, "2026-03-01", "Coffee box")],
    )  # fmt: skip
    story = await run(Shop([months]), GOAL)

    assert story.refunds == []


async def test_two_orders_of_the_same_price_are_told_apart():
    story = await run(
        Shop(
            [
                order("A-1001", ("Teapot", 1, 4500), placed="2026-03-01"),
                order("A-1002", ("Kettle", 1, 4500), placed="2026-03-02"),
            ]
        ),
        ticket("Charged twice", "There are two charges of $45 on my card"),
    )

    assert story.refunds == []
    assert "two separate orders" in story.message


async def test_three_equal_charges_give_two_refunds_one_after_the_other():
    thrice = order(
        "A-1001", ("Coffee box", 1, 2900),
        charges=[(f"CH-{number}", 2900, "2026-03-01", "Coffee box") for number in (1, 2, 3)],
    )  # fmt: skip
    story = await run(Shop([thrice]), ticket("charged three times!!"))

    assert story.refunds == [("A-1001", "CH-2", 2900), ("A-1001", "CH-3", 2900)]
    assert "$58.00" in story.final


async def test_an_order_of_somebody_else_is_neither_touched_nor_talked_about():
    foreign = order("A-7777", ("Sofa", 1, 90_000), customer="C-2002")
    story: Story = await run(
        Shop([foreign, subscription_charged_twice()]),
        ticket("Double charge on A-7777", "charged twice for order A-7777"),
    )

    assert story.refunds == []
    assert "could not find an order A-7777" in story.message
    assert "Sofa" not in story.message

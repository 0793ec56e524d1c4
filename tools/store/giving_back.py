"""Both refund tools on the chosen provider: in one transaction on the ledger, in three phases outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentdesk.core.money import format_money
from tools.outcomes import Found, Happened, Outcome
from tools.spec import Context, Outside, Row
from tools.store import booking
from tools.store.models import RefundState
from tools.store.payments.provider import OutsideProvider, Provider, RefundRequest, named
from tools.store.refunds import Intent, IssueRefund, RefundDuplicateCharge


@dataclass(frozen=True, slots=True)
class GivingBack:
    """One refund tool: `work_out` finds what would go back, and raises ToolError when that is impossible."""

    provider: Provider
    work_out: Callable[[Context, Any], Intent]

    def intent(self, context: Context, arguments: IssueRefund | RefundDuplicateCharge) -> Intent:
        """What would go back. Raises ToolError also where the provider cannot do it."""
        intent = self.work_out(context, arguments)
        self.provider.reference(intent.charge)
        return intent

    def check(self, context: Context, arguments: IssueRefund | RefundDuplicateCharge) -> None:
        self.intent(context, arguments)

    def here(self, context: Context, arguments: IssueRefund | RefundDuplicateCharge) -> dict[str, Any]:
        """The handler of a provider whose books are this database: all of it in one transaction."""
        intent = self.intent(context, arguments)
        outcome = self.provider.give_back(context.call.key, self._request(context, intent))
        assert isinstance(outcome, Happened), "a ledger that is a table gives a clear answer"
        refund = booking.write(
            context.call, intent, arguments.reason, provider=self.provider.name, state=RefundState.DONE
        )
        remaining_minor = intent.order.refundable_minor - intent.amount.minor
        return booking.told(refund, remaining_minor=remaining_minor, duplicate=intent.duplicate is not None)

    def outside(self) -> Outside[Any]:
        """The three phases. A call that began under a provider is settled by that provider, whichever is chosen now."""
        times: dict[str, Any] = {}
        if isinstance(self.provider, OutsideProvider):
            times = {
                "deadline_seconds": self.provider.deadline_seconds,
                "repeat_within": self.provider.keeps_keys,
            }
        return Outside(
            intend=self._intend,
            perform=_give_back,
            find=_find,
            settle=self._settle,
            undo=lambda context, _, __: booking.release(context.call),
            about=_about,
            **times,
        )

    def _intend(self, context: Context, arguments: IssueRefund | RefundDuplicateCharge) -> dict[str, Any]:
        intent = self.intent(context, arguments)
        booking.write(
            context.call, intent, arguments.reason, provider=self.provider.name, state=RefundState.PENDING
        )
        return dict(self._request(context, intent))

    def _request(self, context: Context, intent: Intent) -> RefundRequest:
        return RefundRequest(
            provider=self.provider.name,
            refund=booking.number_for(context.call),
            order=intent.order.number,
            charge=intent.charge.number if intent.charge is not None else "",
            reference=self.provider.reference(intent.charge),
            amount_minor=intent.amount.minor,
            currency=intent.amount.currency,
            duplicate=intent.duplicate is not None,
        )

    def _settle(
        self, context: Context, _: Any, request: dict[str, Any], happened: Happened
    ) -> dict[str, Any]:
        refund = booking.finish(context.call, reference=happened.reference)
        return booking.told(
            refund, remaining_minor=refund.order.refundable_minor, duplicate=request["duplicate"]
        )


def _give_back(key: str, request: dict[str, Any]) -> Outcome:
    return named(request["provider"]).give_back(key, cast("RefundRequest", request))


def _find(key: str, request: dict[str, Any]) -> Found:
    provider = named(request["provider"])
    assert isinstance(provider, OutsideProvider)
    return provider.find(key, cast("RefundRequest", request))


def _about(request: dict[str, Any]) -> Sequence[Row]:
    return (
        Row("Amount", format_money(request["amount_minor"], request["currency"])),
        Row("Order", request["order"]),
        Row("Charge", f"{request['charge']}, {request['reference']} at {request['provider'].capitalize()}"),
        Row("Refund", f"{request['refund']}, reserved on the order until this is answered"),
    )

"""Refunds through Stripe. The tool call's key is the Idempotency-Key, and stands in the refund's metadata to be found by.

What Stripe promises, and what follows (https://docs.stripe.com/api/idempotent_requests):

- A key repeats its first answer for at least 24 hours, a 500 included: repeating cannot tell what a 500 meant, asking can.
- Asking means listing the refunds of the charge, newest first, and looking for the key in their metadata; a list is read
  from the live data, unlike a search, which lags. "Nothing there" still proves nothing while an earlier request may be on
  its way, so it only ever leads to a repetition under the same key, never to "it did not happen".
- 409 means that a request under this key is being served, or that the charge is locked: ask, then repeat.
- 429 is answered before anything begins.
- A refund that is `pending` or `requires_action` counts as happened, because Stripe carries it on by itself; should the
  bank send it back days later, Stripe says so in its dashboard and by webhook, which this desk does not listen to yet.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

import requests
import stripe
import urllib3
from django.conf import settings

from agentdesk.core.errors import ToolError
from agentdesk.core.text import shortened
from tools.outcomes import Found, Happened, Outcome, Refused, Unclear
from tools.store.models import Charge
from tools.store.payments.provider import RefundRequest

KEY_IN_METADATA = "agentdesk_call"
PAGE_ROWS = 100
FOUND_AT_MOST = 1_000
"""Refunds of one charge that are looked through."""
_REFERENCE = re.compile(r"(ch|py|pi)_\w+")
_NOT_HAPPENED = {"failed", "canceled"}


class Stripe:
    name = "stripe"
    keeps_keys = timedelta(hours=23)
    """Stripe says at least 24; an hour is left for clocks and slow requests."""

    @property
    def deadline_seconds(self) -> float:
        """Beyond the client's own limit for each read, because a trickle of bytes resets that one."""
        return settings.PAYMENT_TIMEOUT_SECONDS + 5.0

    @property
    def _client(self) -> stripe.StripeClient:
        """Raises stripe.AuthenticationError without a key."""
        if not settings.STRIPE_API_KEY:
            raise stripe.AuthenticationError("STRIPE_API_KEY is not set.")
        return stripe.StripeClient(
            settings.STRIPE_API_KEY,
            base_addresses={"api": settings.STRIPE_URL.rstrip("/")},
            http_client=stripe.RequestsClient(timeout=settings.PAYMENT_TIMEOUT_SECONDS),
            max_network_retries=0,  # repeating is decided here, where each attempt is kept
        )

    def reference(self, charge: Charge | None) -> str:
        if charge is None:
            raise ToolError(
                "Stripe gives money back on one charge at a time, and the oldest charge of this order that is not refunded "
                "yet has not that much left. Name a charge, and make one refund for each; get_order_details lists them."
            )
        reference = charge.reference or ""
        if not _REFERENCE.fullmatch(reference):
            raise ToolError(
                f"Charge {charge.number} was not taken through Stripe as far as this desk knows, so it cannot give it "
                "back there. Ask a person."
            )
        return reference

    def give_back(self, key: str, request: RefundRequest) -> Outcome:
        reason: Literal["duplicate", "requested_by_customer"] = (
            "duplicate" if request["duplicate"] else "requested_by_customer"
        )
        metadata = {KEY_IN_METADATA: key, "agentdesk_refund": request["refund"], "order": request["order"]}
        reference = request["reference"]
        try:
            if reference.startswith("pi_"):
                refund = self._client.v1.refunds.create(
                    {
                        "payment_intent": reference,
                        "amount": request["amount_minor"],
                        "reason": reason,
                        "metadata": metadata,
                    },
                    {"idempotency_key": key},
                )
            else:
                refund = self._client.v1.refunds.create(
                    {
                        "charge": reference,
                        "amount": request["amount_minor"],
                        "reason": reason,
                        "metadata": metadata,
                    },
                    {"idempotency_key": key},
                )
        except stripe.StripeError as error:
            return _meaning(error)
        return _of(refund)

    def find(self, key: str, request: RefundRequest) -> Found:
        reference = request["reference"]
        try:
            page = (
                self._client.v1.refunds.list({"payment_intent": reference, "limit": PAGE_ROWS})
                if reference.startswith("pi_")
                else self._client.v1.refunds.list({"charge": reference, "limit": PAGE_ROWS})
            )
            for number, refund in enumerate(page.auto_paging_iter(), start=1):
                if _key_of(refund) == key:
                    return _of(refund)
                if number >= FOUND_AT_MOST:
                    return Unclear(
                        f"The charge has more than {FOUND_AT_MOST} refunds; not all were looked at."
                    )
        except stripe.StripeError as error:
            return Unclear(_words(error))
        return None


def _key_of(refund: stripe.Refund) -> str | None:
    metadata = refund.metadata
    found = metadata[KEY_IN_METADATA] if metadata is not None and KEY_IN_METADATA in metadata else None
    return str(found) if found is not None else None


def _of(refund: stripe.Refund) -> Happened | Refused:
    if refund.status in _NOT_HAPPENED:
        why = f" ({refund.failure_reason})" if getattr(refund, "failure_reason", None) else ""
        return Refused(
            f"Stripe could not give the money back{why}: refund {refund.id} is {refund.status}. Ask a person.",
            code="provider_failed",
        )
    facts = {"status": refund.status, "amount_minor": refund.amount, "currency": refund.currency.upper()}
    return Happened(refund.id, facts)


def _meaning(error: stripe.StripeError) -> Outcome:
    """What an error says about the money."""
    words = _words(error)
    match error:
        case stripe.RateLimitError():
            return Unclear(words, began=False)
        case stripe.APIConnectionError():
            return Unclear(words, began=not _never_connected(error))
        case stripe.AuthenticationError() | stripe.PermissionError():
            return Refused(
                f"The desk may not give money back through Stripe: {words} Ask a person.",
                code="provider_refused",
            )
        case stripe.InvalidRequestError() | stripe.CardError() if error.http_status in {400, 402, 404}:
            return Refused(f"Stripe refused this refund: {words}", code="provider_refused")
        case _:
            return Unclear(words)  # 409, 500 and whatever else does not say what became of the money


def _never_connected(error: stripe.APIConnectionError) -> bool:
    """Whether no connection came about, so that nothing can have been sent."""
    cause = error.__cause__
    if isinstance(cause, requests.exceptions.ConnectTimeout):
        return True
    inner = cause.args[0] if isinstance(cause, requests.exceptions.ConnectionError) and cause.args else None
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _words(error: stripe.StripeError) -> str:
    said = " ".join(str(error.user_message or error).split())
    status = f"HTTP {error.http_status}: " if error.http_status else ""
    return shortened(f"{status}{said}", 300)


PROVIDER = Stripe()

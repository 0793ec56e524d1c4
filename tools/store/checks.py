"""System checks of the store: a payment provider that cannot be reached is reported before a refund finds out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register
def payments_have_what_they_need(**_: Any) -> list[checks.CheckMessage]:
    if settings.PAYMENTS != "stripe" or settings.STRIPE_API_KEY:
        return []
    return [
        checks.Error(
            "AGENTDESK_PAYMENTS is stripe, and there is no key to give money back with.",
            hint="Set STRIPE_API_KEY, or unset AGENTDESK_PAYMENTS for the built-in ledger.",
            id="store.E001",
        )
    ]

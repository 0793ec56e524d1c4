"""What a pretended payment provider has done: refunds, one line each, on disk before anybody hears of them."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CHARGE = re.compile(r"(?:ch|pi)_(\d+)_([a-z]{3})_(\w+)")
"""An id says what was captured, so that nobody has to register charges: `ch_2900_usd_a1`, and `pi_2900_usd_a1` paid it."""


class Refusal(Exception):
    """The provider will not do this; `error` is the body's `error` object in Stripe's shape."""

    def __init__(self, status: int, message: str, **error: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": "invalid_request_error", **error}


@dataclass(frozen=True, slots=True)
class Effect:
    """Money that went back, once."""

    key: str
    """The Idempotency-Key it came under; empty where there was none."""
    amount: int
    charge: str
    at: float
    refund: str
    currency: str
    payment_intent: str
    reason: str
    metadata: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    """The parameters as they were sent: another request under this key must have the same ones."""


def captured(charge: str) -> tuple[int, str]:
    """What the charge took, in minor units, and its currency. Raises Refusal when there is no such charge."""
    known = CHARGE.fullmatch(charge)
    if known is None:
        raise Refusal(404, f"No such charge: '{charge}'", code="resource_missing", param="charge")
    return int(known[1]), known[2]


class Book:
    """Append-only and synced: what is in the file happened, what is not did not, whoever is killed when."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        kept = path.read_bytes() if path.exists() else b""
        whole = kept[: kept.rfind(b"\n") + 1]
        self.effects = [Effect(**json.loads(line)) for line in whole.splitlines()]
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.ftruncate(self._file, len(whole))  # half a line is an effect that never was
        os.lseek(self._file, 0, os.SEEK_END)

    def refund(self, asked: dict[str, str], *, key: str) -> Effect:
        """Give money back and write it down. Raises Refusal."""
        with self._lock:
            effect = self._checked(asked, key)
            os.write(self._file, json.dumps(asdict(effect)).encode() + b"\n")
            os.fsync(self._file)
            self.effects.append(effect)
            return effect

    def listed(self, *, charge: str = "", payment_intent: str = "") -> list[Effect]:
        """Newest first."""
        with self._lock:
            return [
                effect
                for effect in reversed(self.effects)
                if charge in {"", effect.charge} and payment_intent in {"", effect.payment_intent}
            ]

    def _checked(self, asked: dict[str, str], key: str) -> Effect:
        named = asked.get("charge") or asked.get("payment_intent") or ""
        if not named:
            raise Refusal(
                400,
                "One of the following params should be provided for this request: payment_intent or charge.",
            )
        whole, currency = captured(named)
        name = named.split("_", 1)[1]
        left = whole - sum(effect.amount for effect in self.effects if effect.charge == f"ch_{name}")
        if not left:
            raise Refusal(400, f"Charge ch_{name} has already been refunded.", code="charge_already_refunded")
        amount = int(asked.get("amount", left))
        if amount < 1:
            raise Refusal(400, "Invalid positive integer", code="parameter_invalid_integer", param="amount")
        if amount > left:
            raise Refusal(
                400,
                f"Refund amount ({amount / 100:.2f}) is greater than unrefunded amount on charge ({left / 100:.2f})",
                param="amount",
            )
        return Effect(
            key=key,
            amount=amount,
            charge=f"ch_{name}",
            at=time.time(),
            refund=f"re_{len(self.effects) + 1:06d}_{name}",
            currency=currency,
            payment_intent=f"pi_{name}",
            reason=asked.get("reason", ""),
            metadata={name[9:-1]: value for name, value in asked.items() if name.startswith("metadata[")},
            asked=asked,
        )


def shown(effect: Effect) -> dict[str, Any]:
    """As Stripe's API gives a refund out."""
    return {
        "id": effect.refund,
        "object": "refund",
        "amount": effect.amount,
        "charge": effect.charge,
        "created": int(effect.at),
        "currency": effect.currency,
        "metadata": effect.metadata,
        "payment_intent": effect.payment_intent,
        "reason": effect.reason or None,
        "status": "succeeded",
    }

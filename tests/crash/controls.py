"""Builds that are broken on purpose: what the checker does not find in them, it would not find in the product either.

Each takes one promise away, in a forked process of the harness only.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.signals import connection_created

from agentdesk.runtime import journal
from approvals import gate
from tests.crash.points import Points
from tools.store.payments.stripe import Stripe

FENCE = re.compile(r'("tasks_task"\."fence"|"fence") = %s')


@dataclass(frozen=True, slots=True)
class Control:
    name: str
    sabotage: Callable[[Points], None]
    caught_by: Sequence[str]
    """Invariants of which at least one has to find it."""
    kind: str = ""
    """Where that says more: what kind of finding it has to be."""
    deadly: dict[str, float] = field(default_factory=dict)
    """Points at which it shows."""
    calm: bool = False
    """Whether it takes no crash to see it."""
    stop_share: float = 0.0
    """Where it takes a process that goes on after its lease: how many draws stop one."""


def no_fence(_: Points) -> None:
    """Whoever lost the claim goes on writing: every condition on the fence is always true."""

    def unfenced(execute: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        where = sql.find(" WHERE ")
        if where >= 0 and "tasks_task" in sql:
            sql = sql[:where] + FENCE.sub(r"(\1 = %s OR 1 = 1)", sql[where:])
        return execute(sql, parameters, many, context)

    def watch(*, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(unfenced)

    connection_created.connect(watch, weak=False)


def no_journal(_: Points) -> None:
    """Who goes on starts from nothing: neither turns nor calls of before are known."""
    load = journal.load

    def forgetful(*arguments: Any, **keywords: Any) -> Any:
        loaded = load(*arguments, **keywords)
        loaded.turns.clear()
        loaded.calls.clear()
        return loaded

    replace_everywhere(load, forgetful)


def no_sign_off(_: Points) -> None:
    """The gate lets everything through, before the call and at its effect."""
    replace_everywhere(gate.ask_gate, lambda *_, **__: gate.Answer.RUN)
    replace_everywhere(gate.authorise, lambda *_, **__: None)
    replace_everywhere(gate.never_asks, lambda *_, **__: True)


def no_key(_: Points) -> None:
    """Every try of a refund at the provider has another key."""
    give_back = Stripe.give_back

    def keyless(self: Stripe, key: str, request: Any) -> Any:
        return give_back(self, f"{key}-{secrets.token_hex(4)}", request)

    Stripe.give_back = keyless


def replace_everywhere(old: Any, new: Any) -> None:
    """Wherever a module has imported `old` by name, it finds `new` from now on."""
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if hasattr(module, "__dict__") else []:
            if value is old:
                setattr(module, name, new)


CONTROLS = [
    Control("no fence", no_fence, ["I7"], stop_share=0.9),
    Control("no key", no_key, ["I1"], kind="doubled", deadly={"provider gives back · after": 0.9}),
    Control("no journal", no_journal, ["I1", "I3", "I4"]),
    Control("no sign-off", no_sign_off, ["I2"], calm=True),
]

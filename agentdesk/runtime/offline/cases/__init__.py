"""One module per kind of case: its plan, the orders it needs, and what it comes to."""

from __future__ import annotations

from agentdesk.runtime.offline.cases import (
    account,
    cancel,
    damaged,
    duplicate,
    general,
    grave,
    late,
    missing,
    send_back,
    subscription,
    unclear,
    wish,
    wrong,
)
from agentdesk.runtime.offline.verdict import Case
from agentdesk.runtime.offline.word_groups import Kind

CASES: dict[Kind, Case] = {
    case.kind: case
    for case in (
        duplicate.CASE,
        damaged.CASE,
        wrong.CASE,
        late.CASE,
        missing.CASE,
        cancel.CASE,
        send_back.CASE,
        wish.CASE,
        subscription.CASE,
        *grave.CASES,
        account.CASE,
        general.CASE,
        unclear.CASE,
    )
}

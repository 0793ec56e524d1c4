"""What everybody gets at every address: one status a person, in the order of `PEOPLE`.

An address that is not here fails the tests. Models of the admin follow from who sees, adds and changes their records.
"""

from __future__ import annotations

from typing import Any

#                 anonymous, viewer, agent, lead, finance, auditor, admin, superuser, inactive
NOBODY_405 = "405 405 405 405 405 405 405 405 405"
SIGNED_IN = "302 200 200 200 200 200 200 200 302"
STARTERS = "302 403 200 200 403 403 200 200 302"
STARTED = "302 403 302 302 403 403 302 302 302"
ANYBODY = "200 200 200 200 200 200 200 200 200"
API_READ = "401 200 200 200 200 200 200 200 401"
API_STARTED = "401 403 202 202 403 403 202 202 401"
STAFF = "302 302 200 200 200 200 200 200 302"
STAFF_405 = "302 302 405 405 405 405 405 405 302"
ALWAYS_302 = "302 302 302 302 302 302 302 302 302"

PAGES: dict[str, tuple[str, str]] = {
    "desk:dashboard": (SIGNED_IN, NOBODY_405),
    "desk:approvals": (SIGNED_IN, NOBODY_405),
    "desk:approval": (SIGNED_IN, NOBODY_405),
    "desk:decide": (NOBODY_405, "302 403 403 302 302 403 403 403 302"),
    "desk:brakes": (SIGNED_IN, NOBODY_405),
    "desk:brake_pull": (NOBODY_405, "302 403 403 302 302 403 302 302 302"),
    "desk:brake_release": (NOBODY_405, "302 403 403 403 302 403 302 302 302"),
    "desk:ask_outside": (NOBODY_405, "302 403 403 403 302 403 403 403 302"),
    "desk:tickets": (SIGNED_IN, NOBODY_405),
    "desk:ticket_new": (STARTERS, "302 403 302 302 403 403 302 302 302"),
    "desk:ticket": (SIGNED_IN, NOBODY_405),
    "desk:tasks": (SIGNED_IN, NOBODY_405),
    "desk:task": (SIGNED_IN, NOBODY_405),
    "desk:task_cap": (NOBODY_405, "302 409 409 409 409 409 409 409 302"),
    "desk:try_again": (NOBODY_405, "302 403 409 409 403 403 409 409 302"),
    "desk:try_all_again": (NOBODY_405, "302 403 302 302 403 403 302 302 302"),
    "desk:extend_limit": ("302 403 403 200 200 403 200 200 302", "302 403 403 409 409 403 409 409 302"),
    "desk:task_cancel": (STARTERS, "302 403 302 302 403 403 302 302 302"),
    "desk:task_retry": (NOBODY_405, STARTED),
    "desk:task_again": (STARTERS, STARTED),
    "desk:task_fork": (STARTERS, STARTED),
    "healthz": (ANYBODY, NOBODY_405),
    "readyz": (ANYBODY, NOBODY_405),
    "login": ("200 302 302 302 302 302 302 302 200", "200 302 302 302 302 302 302 302 200"),
    "logout": (NOBODY_405, ALWAYS_302),
    "api:openapi-json": (ANYBODY, ANYBODY),
    "api:openapi-view": (ANYBODY, ANYBODY),
    "api:api-root": ("404 404 404 404 404 404 404 404 404", "404 404 404 404 404 404 404 404 404"),
    "api:tasks": (NOBODY_405, "401 403 202 202 403 403 202 202 401"),
    "api:task": (API_READ, NOBODY_405),
    "api:task_retry": (NOBODY_405, API_STARTED),
    "api:task_again": (NOBODY_405, API_STARTED),
    "api:task_fork": (NOBODY_405, API_STARTED),
    "api:task_cancel": (NOBODY_405, "401 403 200 200 403 403 200 200 401"),
    "api:task_events": (API_READ, NOBODY_405),
    "api:events": (API_READ, NOBODY_405),
    "admin:index": (STAFF, STAFF),
    "admin:app_list": (STAFF, STAFF),
    "admin:approval_queue": (STAFF, STAFF_405),
    "admin:login": ("302 403 302 302 302 302 302 302 302", "302 403 302 302 302 302 302 302 302"),
    "admin:logout": (STAFF_405, ALWAYS_302),
    "admin:password_change": (STAFF, STAFF),
    "admin:password_change_done": (STAFF, STAFF_405),
    "admin:autocomplete": ("302 302 403 403 403 403 403 403 302", STAFF_405),
    "admin:jsi18n": (STAFF, STAFF_405),
    "admin:view_on_site": (ALWAYS_302, ALWAYS_302),
    "admin/(?P<url>.*)$": ("302 302 404 404 404 404 404 404 302", "302 302 404 404 404 404 404 404 302"),
    "admin:approvals_approval_decide": (STAFF_405, "302 302 403 302 302 403 403 403 302"),
    "admin:auth_user_password_change": (
        "302 302 403 403 403 403 200 200 302",
        "302 302 403 403 403 403 200 200 302",
    ),
    "admin:api_token_revoke": (STAFF_405, "302 302 403 403 403 403 302 302 302"),
}

CASES = {"agent", "lead", "finance", "auditor", "admin", "superuser"}
HISTORY = CASES - {"agent"}
ACCOUNTS = {"auditor", "admin", "superuser"}
EDITORS = {"admin", "superuser"}
NOBODY: set[str] = set()

RECORDS: dict[str, tuple[set[str], set[str], set[str]]] = {
    # model: who sees its records, who adds, who changes; nobody deletes any
    "events.event": (CASES, NOBODY, NOBODY),
    "events.signal": ({"superuser"}, NOBODY, NOBODY),
    "roster.agent": (HISTORY, EDITORS, EDITORS),
    "roster.agentversion": (HISTORY, NOBODY, NOBODY),
    "roster.modelprice": (HISTORY, EDITORS, EDITORS),
    "tasks.customer": (CASES, EDITORS, EDITORS),
    "tasks.ticket": (CASES, NOBODY, NOBODY),
    "tasks.task": (CASES, NOBODY, NOBODY),
    "tasks.todo": (CASES, NOBODY, NOBODY),
    "tasks.turn": (CASES, NOBODY, NOBODY),
    "tasks.usage": (HISTORY, NOBODY, NOBODY),
    "tasks.workerprocess": (HISTORY, NOBODY, NOBODY),
    "tools.toolcall": (CASES, NOBODY, NOBODY),
    "tools.attempt": (CASES, NOBODY, NOBODY),
    "store.order": (CASES, NOBODY, NOBODY),
    "store.orderline": (CASES, NOBODY, NOBODY),
    "store.charge": (CASES, NOBODY, NOBODY),
    "store.refund": (CASES, NOBODY, NOBODY),
    "library.runbook": (CASES, EDITORS, EDITORS),
    "library.document": (CASES, NOBODY, NOBODY),
    "outbox.outgoingmessage": (CASES, NOBODY, NOBODY),
    "approvals.approval": (CASES, NOBODY, NOBODY),
    "approvals.decision": (CASES, NOBODY, NOBODY),
    "approvals.policy": (HISTORY, NOBODY, EDITORS),
    "approvals.policyversion": (HISTORY, NOBODY, NOBODY),
    "approvals.cap": (HISTORY, EDITORS, EDITORS),
    "approvals.capversion": (HISTORY, NOBODY, NOBODY),
    "approvals.exemption": (HISTORY, NOBODY, NOBODY),
    "brakes.brake": (HISTORY, NOBODY, NOBODY),
    "auth.user": (ACCOUNTS, EDITORS, EDITORS),
    "auth.group": (ACCOUNTS, EDITORS, EDITORS),
    "admin.logentry": (ACCOUNTS, NOBODY, NOBODY),
    "api.token": (ACCOUNTS, NOBODY, NOBODY),
    "api.startrequest": (ACCOUNTS, NOBODY, NOBODY),
}
OUTSIDE = {"anonymous", "viewer", "inactive"}
"""Who does not enter the admin: they are sent to the login."""

POSTS: dict[str, dict[str, Any]] = {
    # what is posted where an empty form would say nothing about rights
    "desk:decide": {"verdict": "approve", "reason": ""},
    "admin:approvals_approval_decide": {"verdict": "approve", "reason": ""},
    "desk:task_cap": {"verdict": "let_over", "reason": "Because.", "seen": ""},
    "desk:brake_pull": {"depth": "take", "scope": "", "reason": "Upgrade."},
    "desk:brake_release": {"reason": "Upgraded."},
    "desk:ticket_new": {"subject": "Late parcel", "body": "Where is it?"},
}


def expected(people: tuple[str, ...]) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """Address → what each person gets for a GET and for a POST."""
    table = {
        name: (_row(people, get.split()), _row(people, post.split())) for name, (get, post) in PAGES.items()
    }
    for label, (see, add, change) in RECORDS.items():
        app, model = label.split(".")
        stem = f"admin:{app}_{model}"
        seen, added, changed = (_for(people, allowed) for allowed in (see, add, change))
        none = _for(people, NOBODY)
        table[f"{stem}_changelist"] = table[f"{stem}_history"] = (seen, seen)
        table[f"{stem}_add"] = (added, added)
        table[f"{stem}_change"] = (seen, changed)
        table[f"{stem}_delete"] = (none, none)
        every = _row(people, ALWAYS_302.split())
        table[f"admin/{app}/{model}/<path:object_id>/"] = (every, every)
    return table


def _row(people: tuple[str, ...], codes: list[str]) -> dict[str, int]:
    return dict(zip(people, map(int, codes), strict=True))


def _for(people: tuple[str, ...], allowed: set[str]) -> dict[str, int]:
    return {name: 302 if name in OUTSIDE else 200 if name in allowed else 403 for name in people}

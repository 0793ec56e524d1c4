"""The policy is edited by publishing a version: rules that the desk can follow, a reason, an author."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from approvals import policies
from approvals.models import Policy, PolicyVersion
from tests.admin.conftest import Enter
from tests.factories import ApprovalFactory, policy_in_force


@pytest.fixture
def version(db: None) -> PolicyVersion:
    return policy_in_force()


def url() -> str:
    return reverse("admin:approvals_policy_change", args=[Policy.objects.get().pk])


def form(version: PolicyVersion, rules: Any = None, **changes: Any) -> dict[str, Any]:
    text = rules if isinstance(rules, str) else json.dumps(rules or version.rules)
    return {"rules": text, "reason": "Leads sign more", "base": version.number, **changes}


def raised(version: PolicyVersion, **band: Any) -> dict[str, Any]:
    rules: dict[str, Any] = deepcopy(version.rules)
    rules["rules"][0]["bands"][0] |= band or {"up_to": 30_000}
    return rules


def test_saving_publishes_a_version_with_author_and_reason(
    version: PolicyVersion, adam: User, enter: Enter
) -> None:
    asked = ApprovalFactory()

    answer = enter(adam).post(url(), form(version, raised(version)))

    assert answer.status_code == 302
    present, policy = policies.current()
    assert (present.number, present.author, present.reason) == (version.number + 1, adam, "Leads sign more")
    assert policy.rules[0].bands[0].up_to == 30_000
    asked.refresh_from_db()
    assert asked.policy_version == version, "what was asked keeps the rules it was asked under"


def test_the_page_says_the_rules_in_words(version: PolicyVersion, adam: User, enter: Enter) -> None:
    html = enter(adam).get(url()).content.decode()

    assert "up to $250.00" in html
    assert "one signature by lead or finance" in html
    assert "above $1,000.00" in html
    assert "two different people from lead or finance, at least one of them finance" in html


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be one JSON object"),
        ('{"rules": [], "rules": []}', "appears twice"),
        ('{"rules": [], "extra": 1}', "extra"),
        ('{"rules": [NaN]}', "NaN"),
        ({"up_to": -1}, "greater than or equal to 0"),
        ({"up_to": 200_000}, "must rise"),
        ({"groups": ["nobody"]}, "groups that do not exist: nobody"),
        ({"signatures": 0}, "signatures"),
    ],
)
def test_rules_the_desk_cannot_follow_are_not_published(
    rules: Any, words: str, version: PolicyVersion, adam: User, enter: Enter
) -> None:
    sent = rules if isinstance(rules, str) else raised(version, **rules)

    answer = enter(adam).post(url(), form(version, sent))

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert policies.current()[0] == version


def test_a_rule_for_an_unknown_tool_is_not_published(
    version: PolicyVersion, adam: User, enter: Enter
) -> None:
    rules = deepcopy(version.rules)
    rules["rules"][0]["tool"] = "issue_refnud"

    answer = enter(adam).post(url(), form(version, rules))

    assert "issue_refnud" in answer.content.decode()
    assert policies.current()[0] == version


def test_a_reason_is_needed(version: PolicyVersion, adam: User, enter: Enter) -> None:
    assert enter(adam).post(url(), form(version, raised(version), reason=" ")).status_code == 200
    assert policies.current()[0] == version


def test_a_form_from_before_another_version_overwrites_nothing(
    version: PolicyVersion, adam: User, root: User, enter: Enter
) -> None:
    theirs = policies.publish(rules=raised(version, up_to=20_000), reason="Theirs", by=root)

    answer = enter(adam).post(url(), form(version, raised(version)))

    assert "was published meanwhile (Theirs)" in answer.content.decode()
    assert policies.current()[0] == theirs


@pytest.mark.parametrize("role", ["lena", "audrey", "ada", "finn"])
def test_only_admins_publish(
    role: str, version: PolicyVersion, enter: Enter, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(role)

    assert enter(user).post(url(), form(version, raised(version))).status_code == 403
    assert policies.current()[0] == version

"""An agent is edited by publishing a new version; what ran before keeps what it ran on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from agentdesk.core.errors import Invalid, Late
from agentdesk.roster import edit
from agentdesk.roster.models import Agent, AgentVersion, Source
from tests.admin.conftest import Enter
from tests.factories import AgentFactory, TaskFactory, support_version


@pytest.fixture
def support(db: None) -> Agent:
    return support_version().agent


def url(agent: Agent) -> str:
    return reverse("admin:roster_agent_change", args=[agent.pk])


def form(agent: Agent, **changes: Any) -> dict[str, Any]:
    current = agent.current
    assert current is not None
    return {
        "title": agent.title,
        "description": agent.description,
        "enabled": "on",
        "base": current.pk,
        "reason": "Say thanks",
        **{name: getattr(current, name) for name in edit.FIELDS},
        **changes,
    }


def test_saving_publishes_a_version_with_author_and_reason(support: Agent, adam: User, enter: Enter) -> None:
    before = support.current
    task = TaskFactory()

    answer = enter(adam).post(
        url(support),
        form(support, instructions="Resolve it, and say thanks.", tools=["get_user_data"], max_turns=12),
    )

    assert answer.status_code == 302
    support.refresh_from_db()
    version = support.current
    assert version is not None
    assert before is not None
    assert (version.number, version.author, version.reason, version.source) == (
        before.number + 1,
        adam,
        "Say thanks",
        Source.STAFF,
    )
    assert (version.instructions, version.tools, version.max_turns) == (
        "Resolve it, and say thanks.",
        ["get_user_data"],
        12,
    )
    assert version.max_seconds == before.max_seconds
    task.refresh_from_db()
    assert task.agent_version == before


def test_a_changed_profile_alone_publishes_nothing(support: Agent, adam: User, enter: Enter) -> None:
    data = form(support, title="Front desk")
    del data["enabled"]

    enter(adam).post(url(support), data)

    support.refresh_from_db()
    assert (support.title, support.enabled, support.versions.count()) == ("Front desk", False, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": ""}, "This field is required"),
        ({"tools": ["drop_database"]}, "drop_database is not one of the available choices"),
        ({"max_turns": 0}, "greater than or equal to 1"),
        ({"max_turns": 100_000}, "less than or equal to 200"),
        ({"max_seconds": -5}, "greater than or equal to"),
        ({"instructions": ""}, "This field is required"),
        ({"instructions": "nul\x00"}, "Null characters are not allowed"),
    ],
)
def test_what_makes_no_sense_is_not_published(
    change: dict[str, Any], words: str, support: Agent, adam: User, enter: Enter
) -> None:
    answer = enter(adam).post(url(support), form(support, **change))

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert support.versions.count() == 1


def test_a_form_from_before_another_version_overwrites_nothing(
    support: Agent, adam: User, root: User, enter: Enter
) -> None:
    old = form(support, instructions="Mine.")
    edit.publish(support, by=root, reason="Theirs", instructions="Theirs.")

    answer = enter(adam).post(url(support), old)

    assert "Somebody published another version meanwhile" in answer.content.decode()
    support.refresh_from_db()
    assert support.current is not None
    assert support.current.instructions == "Theirs."


def test_a_new_agent_starts_with_its_first_version(adam: User, enter: Enter) -> None:
    support = support_version().agent
    data = form(support, name="returns", title="Returns")
    del data["base"]

    enter(adam).post(reverse("admin:roster_agent_add"), data)

    agent = Agent.objects.get(name="returns")
    assert agent.current is not None
    assert (agent.current.number, agent.current.author) == (1, adam)


@pytest.mark.parametrize("role", ["lena", "audrey", "ada", "finn"])
def test_only_admins_publish(role: str, support: Agent, enter: Enter, request: pytest.FixtureRequest) -> None:
    user: User = request.getfixturevalue(role)

    assert enter(user).post(url(support), form(support, instructions="Mine.")).status_code == 403
    assert support.versions.count() == 1


def test_of_two_who_publish_from_one_version_the_second_is_late(support: Agent, adam: User) -> None:
    mine, theirs = Agent.objects.get(pk=support.pk), Agent.objects.get(pk=support.pk)
    assert mine.current
    assert theirs.current
    edit.publish(theirs, by=adam, reason="First", max_turns=5)

    with pytest.raises(Late):
        edit.publish(mine, by=adam, reason="Second", max_turns=6)

    assert AgentVersion.objects.filter(agent=support).count() == 2


def test_a_version_out_of_its_limits_is_invalid_whoever_calls(support: Agent, adam: User) -> None:
    with pytest.raises(Invalid) as refused:
        edit.publish(support, by=adam, reason="More", max_turns=1_000)
    assert "max_turns" in refused.value.fields

    with pytest.raises(Invalid):
        edit.publish(AgentFactory(name="empty"), by=adam, reason=" ", instructions="Do.")

"""An agent is edited by publishing a new version; what ran before keeps what it ran on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from agentdesk.core.errors import Invalid, Late
from agentdesk.roster import edit
from agentdesk.roster.forms import dollars_of
from agentdesk.roster.models import Agent, AgentVersion, ModelPrice, Source
from tests.admin.conftest import Enter
from tests.factories import AgentFactory, AgentVersionFactory, TaskFactory, support_version


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
        **{name: getattr(current, name) for name in edit.FIELDS if name != "per_day"},
        **{f"day_{name}": limit for name, limit in current.per_day.items()},
        "max_cost_micros": dollars_of(current.max_cost_micros),
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


def test_what_thinks_and_what_it_may_cost_is_edited_in_peoples_units(
    support: Agent, adam: User, enter: Enter
) -> None:
    AgentVersionFactory(agent__name="billing")
    typed = {
        "fallback_model": "gpt-5-mini",
        "call_seconds": 45,
        "max_cost_micros": "2.5",
        "day_turns": 500,
        "day_cost_micros": "40",
        "hand_offs": ["billing"],
        "consults": ["billing"],
    }

    assert enter(adam).post(url(support), form(support, **typed)).status_code == 302

    support.refresh_from_db()
    version = support.current
    assert version is not None
    assert (version.fallback_model, version.call_seconds) == ("gpt-5-mini", 45)
    assert version.max_cost_micros == 2_500_000
    assert version.per_day == {"turns": 500, "cost_micros": 40_000_000}
    assert (version.hand_offs, version.consults) == (["billing"], ["billing"])
    page = enter(adam).get(url(support)).content.decode()
    assert 'name="max_cost_micros" value="2.5"' in page
    assert 'name="day_cost_micros" value="40"' in page
    assert 'name="day_turns" value="500"' in page
    enter(adam).post(url(support), form(support))
    assert support.versions.count() == 2, "saved again without a change, it publishes nothing"


@pytest.mark.parametrize(
    "change",
    [
        {"hand_offs": ["support"]},
        {"consults": ["nobody"]},
        {"call_seconds": 0},
        {"max_cost_micros": "0"},
        {"max_cost_micros": "-1"},
        {"day_turns": 0},
        {"day_tokens": "x"},
    ],
)
def test_an_agent_is_not_given_what_makes_no_sense(
    support: Agent, adam: User, enter: Enter, change: dict[str, Any]
) -> None:
    assert enter(adam).post(url(support), form(support, **change)).status_code == 200
    assert support.versions.count() == 1


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"hand_offs": ["support"]}, "hand_offs"),
        ({"hand_offs": ["billing", "billing"]}, "hand_offs"),
        ({"consults": ["nobody"]}, "consults"),
        ({"consults": "billing"}, "consults"),
        ({"per_day": {"turns": 0}}, "per_day"),
        ({"per_day": {"turns": True}}, "per_day"),
        ({"per_day": {"wishes": 3}}, "per_day"),
        ({"per_day": []}, "per_day"),
    ],
)
def test_publishing_checks_other_agents_and_limits_of_a_day(
    support: Agent, adam: User, fields: dict[str, Any], name: str
) -> None:
    AgentVersionFactory(agent__name="billing")
    with pytest.raises(Invalid) as caught:
        edit.publish(support, by=adam, reason="No.", **fields)
    assert name in caught.value.fields


def test_a_disabled_agent_is_not_named(support: Agent, adam: User) -> None:
    other = AgentVersionFactory(agent__name="billing").agent
    Agent.objects.filter(pk=other.pk).update(enabled=False)
    with pytest.raises(Invalid):
        edit.publish(support, by=adam, reason="No.", hand_offs=["billing"])


def test_prices_are_typed_and_shown_in_dollars(adam: User, lena: User, enter: Enter) -> None:
    price, _ = ModelPrice.objects.update_or_create(
        model="gpt-5-nano",
        defaults={"input_micros": 50_000, "cached_input_micros": 5_000, "output_micros": 400_000},
    )
    page = reverse("admin:roster_modelprice_change", args=[price.pk])
    assert 'value="0.05"' in enter(adam).get(page).content.decode()
    typed = {"input_micros": "0.06", "cached_input_micros": "0.006", "output_micros": "1234.5"}

    assert enter(lena).post(page, typed).status_code == 403
    assert enter(adam).post(page, typed).status_code == 302

    price.refresh_from_db()
    assert (price.input_micros, price.cached_input_micros, price.output_micros) == (
        60_000,
        6_000,
        1_234_500_000,
    )
    shown = enter(lena).get(reverse("admin:roster_modelprice_changelist")).content.decode()
    assert "$1,234.50" in shown
    assert "$0.006" in shown

"""What the desk leans on: disk, model, Redis, mail server, and how it is set up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta

import redis
from django.conf import settings
from django.db.models.functions import Now

from agentdesk.core.clock import database_now
from agentdesk.desk.doctor.finding import Finding, note, problem, spoken
from agentdesk.roster.models import Agent
from tools.messages.models import MessageStatus, OutgoingMessage
from tools.registry import all_tools

LITTLE_BYTES = 500_000_000
REDIS_SECONDS = 3
MAIL_PATIENCE = timedelta(minutes=5)


def disk_has_room() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free < LITTLE_BYTES:
        yield problem(
            f"The disk of the data folder {settings.DATA_DIR} has {free / 1e6:,.0f} MB left.",
            "Make room: without it nothing can be recorded, and no task goes on.",
        )


def model_has_a_key() -> Iterator[Finding]:
    if settings.MODEL == "offline":
        yield note("Agents without a model of their own think with the built-in offline model.")
    elif not settings.OPENAI_API_KEY and not settings.OPENAI_BASE_URL:
        yield problem(
            f"The model is {settings.MODEL}, and there is no key to reach it with.",
            "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
        )


def redis_answers() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        return
    try:
        redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
        ).ping()
    except redis.RedisError as error:
        yield problem(
            f"Redis does not answer: {error}",
            "Start it, or check REDIS_URL. Nothing is lost: pages follow the database every few seconds meanwhile.",
        )


def debug_is_off() -> Iterator[Finding]:
    if settings.DEBUG:
        yield problem("Debug pages are on; they show settings and code.", "Unset AGENTDESK_DEBUG.")


def demo_is_off() -> Iterator[Finding]:
    if settings.DEMO:
        yield note(
            "The demo is on: its accounts have a known password.",
            "For real work unset AGENTDESK_DEMO and start from an empty AGENTDESK_DATA.",
        )


def mail_leaves() -> Iterator[Finding]:
    late = OutgoingMessage.objects.filter(
        status__in=[MessageStatus.PENDING, MessageStatus.SENDING], written_at__lt=Now() - MAIL_PATIENCE
    ).order_by("written_at")
    if first := late.first():
        yield problem(
            f"{late.count()} messages to customers have not left, the oldest for {spoken(database_now() - first.written_at)}.",
            "Check EMAIL_URL and whether workers show life: they send the mail.",
        )
    for status, what in (
        (MessageStatus.FAILED, "were not sent"),
        (MessageStatus.UNKNOWN, "may or may not have left"),
    ):
        if count := OutgoingMessage.objects.filter(status=status).count():
            yield note(f"{count} messages to customers {what}.", "See them in the admin under Messages.")


def agents_know_their_tools() -> Iterator[Finding]:
    for agent in Agent.objects.startable().select_related("current"):
        unknown = sorted(set(agent.current.tools if agent.current else []) - set(all_tools()))
        if unknown:
            yield problem(
                f"The agent {agent.name} names tools that do not exist: {', '.join(unknown)}.",
                "Publish a version of it without them in the admin, or install the toolset that has them.",
            )

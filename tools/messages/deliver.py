"""Send the messages that were written: each at most once, and what we cannot know is called unknown."""

from __future__ import annotations

import logging
import smtplib
import socket
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import BadHeaderError, EmailMessage
from django.db import models, transaction

from agentdesk.brakes.pulled import Braked, lets_act, refuse_effect
from agentdesk.core import rows
from agentdesk.core.clock import from_now
from agentdesk.core.text import shortened
from tools.messages.models import MessageStatus, OutgoingMessage
from tools.models import ToolCall

logger = logging.getLogger(__name__)

TOOL = "notify_user"
STUCK_AFTER = timedelta(minutes=5)
NOT_SENT = (
    smtplib.SMTPResponseException,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPNotSupportedError,
    ConnectionRefusedError,
    socket.gaierror,
    BadHeaderError,
)
"""Errors after which the mail is certainly not on its way; after any other we do not know."""


def deliver_pending() -> int:
    """Send every message that waits and return how many were sent; a pulled brake keeps them where they are.

    Must not run inside a transaction.
    """
    sent = 0
    for pk in waiting():
        if message := take(pk):
            outcome = send(message)
            note(message, outcome)
            sent += outcome.status == MessageStatus.SENT
    return sent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message, and the error in words where there was one."""

    status: MessageStatus
    error: str = ""


def waiting() -> list[int]:
    """The messages that may leave, oldest first."""
    declare_stuck_unknown()
    return list(_sendable().order_by("id").values_list("pk", flat=True))


def declare_stuck_unknown() -> int:
    """Messages whose sender died in the middle are never sent again; return how many there were."""
    return OutgoingMessage.objects.filter(
        status=MessageStatus.SENDING, sending_since__lt=from_now(-STUCK_AFTER)
    ).update(status=MessageStatus.UNKNOWN, error="The sender stopped in the middle of it.")


def message_id(message: OutgoingMessage) -> str:
    """The same for every try of one tool call, so that a mail server or reader can drop a repetition."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message.tool_call.key}@{domain}>"


def _sendable() -> models.QuerySet[OutgoingMessage]:
    return OutgoingMessage.objects.filter(
        lets_act(TOOL, agent="task__agent_version__agent"), status=MessageStatus.PENDING
    )


def _whose(pk: int) -> set[str]:
    return set(
        OutgoingMessage.objects.filter(pk=pk).values_list("task__agent_version__agent__name", flat=True)
    )


def take(pk: int) -> OutgoingMessage | None:
    """Claim a message for sending; None when a brake holds it or somebody else took it first."""
    with transaction.atomic(durable=True):  # the claim is on disk before anything leaves
        try:
            refuse_effect(TOOL, agents=lambda: _whose(pk))
        except Braked:
            return None
        claimed = rows.change(
            OutgoingMessage,
            pk,
            where={"status": MessageStatus.PENDING},
            put={"status": MessageStatus.SENDING},
            computed={"sending_since": rows.now()},
            returning="id",
        )
        if not claimed:
            return None
        (message,) = rows.read(OutgoingMessage, {"id": pk})
        (message.tool_call,) = rows.read(ToolCall, {"id": message.tool_call_id})
    return message


def send(message: OutgoingMessage) -> Outcome:
    """Hand a claimed message to the mail server. It asks no database, so that it may take its time in any thread."""
    mail = EmailMessage(
        subject=message.subject,
        body=message.body,
        to=[message.to],
        headers={"Message-ID": message_id(message)},
    )
    try:
        mail.send()
    except NOT_SENT as error:
        return _failed(message, MessageStatus.FAILED, error)
    except Exception as error:  # noqa: BLE001 -- whatever a mail backend raises is recorded, and the next message has its turn
        return _failed(message, MessageStatus.UNKNOWN, error)
    return Outcome(MessageStatus.SENT)


def _failed(message: OutgoingMessage, status: MessageStatus, error: Exception) -> Outcome:
    logger.warning("Message %s: %s (%s)", message.pk, status.label.lower(), error)
    return Outcome(status, shortened(f"{type(error).__name__}: {error}", 300))


def note(message: OutgoingMessage, outcome: Outcome) -> None:
    """Write down what became of a claimed message."""
    rows.change(
        OutgoingMessage,
        message.pk,
        put={"status": outcome.status, "error": outcome.error},
        computed={"sent_at": rows.now()} if outcome.status == MessageStatus.SENT else {},
        returning="id",
    )

"""Send the messages that were written: each at most once, and what we cannot know is called unknown."""

from __future__ import annotations

import logging
import smtplib
import socket
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
    declare_stuck_unknown()
    waiting = _sendable().order_by("id").values_list("pk", flat=True)
    return sum(_deliver(pk) for pk in list(waiting))


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


def _deliver(pk: int) -> bool:
    with transaction.atomic(durable=True):  # the claim is on disk before anything leaves
        try:
            refuse_effect(TOOL, agents=lambda: _whose(pk))
        except Braked:
            return False
        claimed = rows.change(
            OutgoingMessage,
            pk,
            where={"status": MessageStatus.PENDING},
            put={"status": MessageStatus.SENDING},
            computed={"sending_since": rows.now()},
            returning="id",
        )
    if not claimed:
        return False  # another job got there first
    (message,) = rows.read(OutgoingMessage, {"id": pk})
    (message.tool_call,) = rows.read(ToolCall, {"id": message.tool_call_id})
    mail = EmailMessage(
        subject=message.subject,
        body=message.body,
        to=[message.to],
        headers={"Message-ID": message_id(message)},
    )
    try:
        mail.send()
    except NOT_SENT as error:
        _close(pk, MessageStatus.FAILED, error)
        return False
    except Exception as error:  # noqa: BLE001 -- whatever a mail backend raises is recorded, and the next message has its turn
        _close(pk, MessageStatus.UNKNOWN, error)
        return False
    rows.change(
        OutgoingMessage,
        pk,
        put={"status": MessageStatus.SENT, "error": ""},
        computed={"sent_at": rows.now()},
        returning="id",
    )
    return True


def _close(pk: int, status: MessageStatus, error: Exception) -> None:
    logger.warning("Message %s: %s (%s)", pk, status.label.lower(), error)
    OutgoingMessage.objects.filter(pk=pk).update(
        status=status, error=shortened(f"{type(error).__name__}: {error}", 300)
    )

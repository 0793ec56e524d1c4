"""Messages: to the task's customer only, at most once each, and honest about what is not known."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ

from agentdesk.core.errors import Invalid, ToolError
from tasks import queue
from tests.factories import CustomerFactory, OutgoingMessageFactory
from tests.tools.using import task_for, use
from tools.messages.deliver import deliver_pending
from tools.messages.models import OutgoingMessage

pytestmark = pytest.mark.django_db


class Refusing(EmailBackend):
    def send_messages(self, _):
        raise smtplib.SMTPRecipientsRefused({"c@customers.example": (550, b"no such mailbox")})


class BreakingOff(EmailBackend):
    def send_messages(self, _):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")


def notify(customer, task=None, **changes):
    arguments = {
        "customer": customer.number,
        "subject": "Your refund",
        "body": "It is on its way.",
        **changes,
    }
    return use("notify_user", task or task_for(customer), **arguments)


def test_the_customer_gets_the_mail_after_the_commit():
    customer = CustomerFactory()
    assert notify(customer, subject="Your\r\n refund") == {"sent_to": customer.email}
    assert mail.outbox == []
    assert [job.func() for job in OrmQ.objects.all()] == [queue.JOB]
    assert deliver_pending() == 1
    assert (mail.outbox[0].to, mail.outbox[0].subject) == ([customer.email], "Your refund")
    message = OutgoingMessage.objects.get()
    assert (message.status, message.error) == ("sent", "")
    assert message.sent_at is not None


def test_a_rolled_back_call_sends_nothing():
    customer = CustomerFactory()
    with transaction.atomic():
        notify(customer)
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()
    assert deliver_pending() == 0


def test_the_message_id_follows_from_the_call():
    message = OutgoingMessageFactory()
    deliver_pending()
    assert mail.outbox[0].extra_headers["Message-ID"] == f"<{message.tool_call.key}@localhost>"


def test_a_second_delivery_finds_nothing_to_send():
    OutgoingMessageFactory()
    assert (deliver_pending(), deliver_pending()) == (1, 0)
    assert len(mail.outbox) == 1


def test_a_message_that_another_job_claimed_is_left_alone():
    OutgoingMessageFactory(status="sending", sending_since=timezone.now())
    assert deliver_pending() == 0
    assert OutgoingMessage.objects.get().status == "sending"


def test_a_sender_that_died_in_the_middle_leaves_it_unknown_and_nobody_sends_again():
    OutgoingMessageFactory(status="sending", sending_since=timezone.now() - timedelta(minutes=6))
    assert (deliver_pending(), deliver_pending()) == (0, 0)
    assert OutgoingMessage.objects.get().status == "unknown"
    assert mail.outbox == []


@pytest.mark.parametrize(("backend", "status"), [("Refusing", "failed"), ("BreakingOff", "unknown")])
def test_an_error_is_kept_in_words_and_the_next_message_has_its_turn(settings, backend, status):
    settings.EMAIL_BACKEND = f"{__name__}.{backend}"
    OutgoingMessageFactory()
    OutgoingMessageFactory()
    assert deliver_pending() == 0
    assert [message.status for message in OutgoingMessage.objects.all()] == [status, status]
    assert all("SMTP" in message.error for message in OutgoingMessage.objects.all())


def test_somebody_elses_customer_is_never_written_to():
    customer, other = CustomerFactory(), CustomerFactory()
    with pytest.raises(ToolError, match=f"Write to {customer.number}"):
        notify(other, task_for(customer))
    assert not OutgoingMessage.objects.exists()


def test_a_task_without_a_customer_has_nobody_to_write_to():
    with pytest.raises(ToolError, match="nobody to write to"):
        notify(CustomerFactory(), task_for(None))


@pytest.mark.parametrize("changes", [{"subject": "x" * 201}, {"body": "x" * 10_001}, {"body": ""}])
def test_texts_beyond_their_limits_are_refused(changes):
    with pytest.raises(Invalid):
        notify(CustomerFactory(), **changes)


@pytest.mark.parametrize("changes", [{"subject": " \n"}, {"body": " \n"}])
def test_blank_texts_are_refused(changes):
    with pytest.raises(ToolError, match="empty"):
        notify(CustomerFactory(), **changes)

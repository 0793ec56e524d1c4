"""Messages to customers: written in the tool's transaction, sent after it."""

from __future__ import annotations

from django.db import models


class MessageStatus(models.TextChoices):
    PENDING = "pending", "To be sent"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Not known whether sent"


class OutgoingMessage(models.Model):
    task = models.ForeignKey("tasks.Task", on_delete=models.PROTECT, related_name="messages")
    tool_call = models.OneToOneField("tools.ToolCall", on_delete=models.PROTECT, related_name="message")
    customer = models.ForeignKey("tasks.Customer", on_delete=models.PROTECT, related_name="messages")
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField(max_length=10_000)
    status = models.CharField(max_length=10, choices=MessageStatus.choices, default=MessageStatus.PENDING)
    error = models.CharField(max_length=300, blank=True)
    written_at = models.DateTimeField()
    sending_since = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "message"
        ordering = ["-written_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=MessageStatus.values), name="message_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.subject

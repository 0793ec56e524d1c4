"""What a customer asked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from agentdesk.core.ids import ticket_id

MAX_SUBJECT = 200
MAX_BODY = 20_000


class TicketSource(models.TextChoices):
    FORM = "form", "Desk form"
    API = "api", "API"
    IMPORT = "import", "Import"
    CONSOLE = "console", "Console"
    DEMO = "demo", "Demo"


class TicketQuerySet(models.QuerySet["Ticket"]):
    def for_list(self) -> TicketQuerySet:
        """Newest first, each with its customer and its tasks."""
        return self.select_related("customer").prefetch_related("tasks").order_by("-created_at", "-id")


class Ticket(models.Model):
    public_id = models.CharField(max_length=32, unique=True, default=ticket_id, editable=False)
    source = models.CharField(max_length=10, choices=TicketSource.choices)
    external_id = models.CharField(
        max_length=120, null=True, blank=True, help_text="The id it has where it came from"
    )
    subject = models.CharField(max_length=MAX_SUBJECT)
    body = models.TextField(max_length=MAX_BODY)
    customer = models.ForeignKey("tasks.Customer", on_delete=models.PROTECT, related_name="tickets")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                condition=models.Q(external_id__isnull=False),
                name="ticket_once_per_source_and_external_id",
            ),
            models.CheckConstraint(
                condition=~models.Q(subject="") & ~models.Q(body=""), name="ticket_says_something"
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    def get_absolute_url(self) -> str:
        return reverse("desk:ticket", args=[self.public_id])

"""Events: one fact about a task each, numbered without gaps and never changed."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, models
from django.db.models import Func


class Kind(models.TextChoices):
    """What can be said about a task. Pages, streams and docs derive from this list."""

    TASK_QUEUED = "task.queued", "Queued"
    TASK_CLAIMED = "task.claimed", "Started"
    TASK_WAITING = "task.waiting", "Waiting"
    TASK_RELEASED = "task.released", "Will be tried again"
    TASK_EXTENDED = "task.extended", "Limit extended"
    TASK_DONE = "task.done", "Done"
    TASK_FAILED = "task.failed", "Failed"
    TASK_CANCELLED = "task.cancelled", "Cancelled"
    TODOS_ADDED = "todos.added", "To-dos planned"
    TODO_CHANGED = "todo.changed", "To-do moved"
    TURN_RECORDED = "turn.recorded", "Model answered"
    CALL_STARTED = "call.started", "Acting outside"
    CALL_UNKNOWN = "call.unknown", "Nobody knows whether it happened"
    CALL_DONE = "call.done", "Tool finished"
    CALL_FAILED = "call.failed", "Tool failed"
    CALL_REFUSED = "call.refused", "Tool call refused"
    APPROVAL_OPENED = "approval.opened", "Sign-off asked"
    APPROVAL_SIGNED = "approval.signed", "Signed"
    APPROVAL_APPROVED = "approval.approved", "Approved"
    APPROVAL_REJECTED = "approval.rejected", "Rejected"
    APPROVAL_ANSWERED = "approval.answered", "Answered"
    APPROVAL_EXPIRED = "approval.expired", "Nobody answered in time"
    APPROVAL_CANCELLED = "approval.cancelled", "Sign-off withdrawn"
    APPROVAL_SUPERSEDED = "approval.superseded", "The facts changed: asked again"
    CAP_LIFTED = "cap.lifted", "Let over a cap"
    CAP_UPHELD = "cap.upheld", "A cap was kept"
    RECONCILIATION_OPENED = "reconciliation.opened", "Asked whether it happened"
    RECONCILIATION_ANSWERED = "reconciliation.answered", "Found out whether it happened"


class Stream(models.Model):
    """What events are about. The counter lives on its row, so numbering locks exactly that row."""

    last_event = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


def transaction_id() -> str:
    """SQL for the id of the writing transaction on PostgreSQL, where row ids are not in commit order; 0 elsewhere."""
    return "pg_current_xact_id()::text::bigint" if connection.vendor == "postgresql" else "0"


class FirstOpenTransactionId(Func):
    """PostgreSQL only: every transaction with a lower id has ended, so its rows are all visible."""

    template = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    output_field = models.BigIntegerField()


class EventQuerySet(models.QuerySet["Event"]):
    def after(self, number: int) -> EventQuerySet:
        """What a page that shows everything up to `number` of one task has missed."""
        return self.filter(number__gt=number).order_by("number")

    def settled(self) -> EventQuerySet:
        """Events that no transaction still open can precede: reading on by (transaction, id) loses none."""
        if connection.vendor != "postgresql":
            return self.order_by("id")
        return self.filter(transaction__lt=FirstOpenTransactionId()).order_by("transaction", "id")


class Event(models.Model):
    task = models.ForeignKey(
        "tasks.Task",
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,  # the unique constraint below begins with it
    )
    number = models.PositiveIntegerField(help_text="1, 2, 3 … without gaps within the task")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    data = models.JSONField(
        default=dict, help_text="Ids and short facts; long texts stay in the rows they belong to"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The person who did it; empty when the agent or the system did",
    )
    at = models.DateTimeField()
    transaction = models.BigIntegerField(
        default=0, help_text="PostgreSQL's transaction id, for reading in commit order"
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["task", "number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="event_number_once_per_task"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="event_number_from_one"),
        ]
        indexes = [
            models.Index(fields=["transaction", "id"], name="event_commit_order"),
            models.Index(fields=["at"], name="event_at"),
            models.Index(fields=["by"], condition=models.Q(by__isnull=False), name="event_by_a_person"),
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.get_kind_display()}"


class Signal(models.Model):
    """One message of the database channel layer; pruned after a minute."""

    groups = models.CharField(max_length=300, help_text="Whom it is for, separated by spaces")
    payload = models.JSONField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.groups} @ {self.at}"

"""Tool calls: exact arguments, status, result; at most one effect each."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from agentdesk.core.ids import call_key


class Effect(models.TextChoices):
    """What a crash in the middle of the tool means.

    Reads are repeated; a local effect commits with its result; a keyed one is asked for by its key and then repeated with
    the same key; what became of an unkeyed one nobody knows, and a person has to find out.
    """

    READ = "read", "Reads only"
    LOCAL = "local", "Changes this desk's data"
    KEYED = "keyed", "Acts outside, under a key of its own"
    UNKEYED = "unkeyed", "Acts outside, without a key"


ACTS_OUTSIDE = (Effect.KEYED, Effect.UNKEYED)


class CallStatus(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ASKING = "asking", "Waiting for a person"
    ALLOWED = "allowed", "Allowed"
    EXECUTING = "executing", "Acting outside"
    UNKNOWN = "unknown", "Nobody knows whether it happened"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused"


FINISHED = (CallStatus.DONE, CallStatus.FAILED, CallStatus.REFUSED)
UNFINISHED = (CallStatus.PROPOSED, CallStatus.ASKING, CallStatus.ALLOWED)
"""Nothing has happened yet, so it can still be refused."""
OUTSIDE = (CallStatus.EXECUTING, CallStatus.UNKNOWN)
"""Something may have happened outside: only its outcome, or a person who knows it, ends the call."""
REJECTED = "rejected"
"""The error code of calls that a person refused."""
WITHDRAWN = "cancelled"
"""The error code of calls that were refused only because their task ended: they never had an outcome."""


class ToolCall(models.Model):
    key = models.CharField(
        max_length=32, unique=True, default=call_key, editable=False, help_text="Its idempotency key"
    )
    # no index of their own: the unique constraints below begin with them
    task = models.ForeignKey(
        "tasks.Task", on_delete=models.PROTECT, related_name="tool_calls", db_index=False
    )
    turn = models.ForeignKey(
        "tasks.Turn", on_delete=models.PROTECT, related_name="tool_calls", db_index=False
    )
    path = models.CharField(max_length=200, blank=True, default="")
    call_id = models.CharField(max_length=200, help_text="The id the model gave it")
    position = models.PositiveSmallIntegerField(help_text="1, 2, 3 … within its turn")
    tool = models.CharField(max_length=80)
    raw_arguments = models.TextField(help_text="Exactly what the model wrote, cut at 100,000 characters")
    arguments = models.JSONField(null=True, help_text="Strictly parsed; empty where they were invalid")
    arguments_hash = models.CharField(max_length=64, blank=True)
    effect = models.CharField(max_length=10, choices=Effect.choices, default=Effect.READ)
    status = models.CharField(max_length=10, choices=CallStatus.choices, default=CallStatus.PROPOSED)
    result = models.JSONField(null=True, help_text="What the tool gave back")
    output = models.TextField(blank=True, help_text="What the model was told")
    error_code = models.CharField(max_length=40, blank=True)
    amount_minor = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The money it moves, where it is sensitive; minor units"
    )
    currency = models.CharField(max_length=3, blank=True)
    request = models.JSONField(
        null=True,
        help_text="What it asks of the outside, fixed before anything is sent; empty for other calls",
    )
    subject = models.CharField(
        max_length=120, blank=True, help_text="What a sensitive call is about, for example an order"
    )
    customer = models.ForeignKey(
        "tasks.Customer",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Whose money a sensitive call moves, by the records it is about",
    )
    copy_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="copies",
        db_index=False,
        help_text="In a task made from another one: the call it repeats in the journal, without any effect of its own",
    )
    proposed_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, help_text="When it began to act outside")
    finished_at = models.DateTimeField(null=True)

    parsed: Any = None
    """What its arguments were parsed to, while the object lives that was proposed with them; no column."""

    class Meta:
        ordering = ["turn", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "path", "call_id"], name="tool_call_id_once_per_task_and_path"
            ),
            models.UniqueConstraint(fields=["turn", "position"], name="tool_call_position_once_per_turn"),
            models.CheckConstraint(
                condition=models.Q(status__in=CallStatus.values), name="tool_call_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=FINISHED, finished_at__isnull=False)
                | ~models.Q(status__in=FINISHED) & models.Q(finished_at__isnull=True),
                name="tool_call_finished_at_when_finished",
            ),
            models.CheckConstraint(
                condition=models.Q(status=CallStatus.DONE, result__isnull=False)
                | ~models.Q(status=CallStatus.DONE),
                name="tool_call_done_has_result",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=[CallStatus.ASKING, CallStatus.ALLOWED, CallStatus.DONE])
                | ~models.Q(arguments_hash=""),
                name="tool_call_acts_on_parsed_arguments",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=OUTSIDE)
                | models.Q(request__isnull=False, started_at__isnull=False) & ~models.Q(arguments_hash=""),
                name="tool_call_acts_outside_on_a_stored_request",
            ),
            models.CheckConstraint(
                condition=models.Q(copy_of__isnull=True) | models.Q(status__in=FINISHED),
                name="tool_call_copy_is_finished",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "tool"], name="tool_call_by_status"),
            # the ordinary call is in neither of these
            models.Index(
                fields=["copy_of"], condition=models.Q(copy_of__isnull=False), name="tool_call_copies"
            ),
            models.Index(
                fields=["customer"],
                condition=models.Q(customer__isnull=False),
                name="tool_call_by_customer",
            ),
            # what caps sum up
            models.Index(
                fields=["subject"],
                condition=models.Q(amount_minor__isnull=False),
                name="tool_call_money_by_subject",
            ),
            models.Index(
                Coalesce("started_at", "finished_at"),
                condition=models.Q(amount_minor__isnull=False),
                name="tool_call_money_by_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} ({self.get_status_display()})"


class AttemptKind(models.TextChoices):
    ACT = "act", "Asked for it"
    ASK = "ask", "Asked whether it happened"


class Came(models.TextChoices):
    """What came back from one attempt."""

    HAPPENED = "happened", "It happened"
    REFUSED = "refused", "Refused"
    UNCLEAR = "unclear", "No clear answer"
    NOT_TAKEN = "not_taken", "Not taken up"
    ABSENT = "absent", "Nothing there"
    LOST = "lost", "Worker lost before the answer"


class Attempt(models.Model):
    """One exchange with the outside about one call."""

    tool_call = models.ForeignKey(ToolCall, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 … within its call")
    kind = models.CharField(max_length=3, choices=AttemptKind.choices)
    came = models.CharField("what came back", max_length=10, choices=Came.choices)
    words = models.CharField(
        max_length=400, blank=True, help_text="What the other side said, or why nobody knows"
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who had it asked; empty when a worker did",
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ["tool_call", "number"]
        constraints = [
            models.UniqueConstraint(fields=["tool_call", "number"], name="attempt_number_once_per_call"),
            models.CheckConstraint(condition=models.Q(came__in=Came.values), name="attempt_came_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_came_display().lower()}"

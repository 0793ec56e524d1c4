"""Tool calls: exact arguments, status, result; at most one effect each."""

from __future__ import annotations

from django.db import models

from agentdesk.core.ids import call_key


class Effect(models.TextChoices):
    """What a crash in the middle of the tool means: reads are repeated, a local effect commits with its result."""

    READ = "read", "Reads only"
    LOCAL = "local", "Changes this desk's data"


class CallStatus(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ASKING = "asking", "Waiting for a person"
    ALLOWED = "allowed", "Allowed"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused"


FINISHED = (CallStatus.DONE, CallStatus.FAILED, CallStatus.REFUSED)
UNFINISHED = (CallStatus.PROPOSED, CallStatus.ASKING, CallStatus.ALLOWED)


class ToolCall(models.Model):
    key = models.CharField(
        max_length=32, unique=True, default=call_key, editable=False, help_text="Its idempotency key"
    )
    task = models.ForeignKey("tasks.Task", on_delete=models.PROTECT, related_name="tool_calls")
    turn = models.ForeignKey("tasks.Turn", on_delete=models.PROTECT, related_name="tool_calls")
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
    proposed_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

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
        ]
        indexes = [models.Index(fields=["status", "tool"], name="tool_call_by_status")]

    def __str__(self) -> str:
        return f"{self.tool} ({self.get_status_display()})"

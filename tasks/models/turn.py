"""One answer of a model within a task, stored before anybody acts on it."""

from __future__ import annotations

from django.db import models

TAKEN_OVER = 0
"""The fence of turns that were copied from another task: claims count from 1."""


class Turn(models.Model):
    task = models.ForeignKey(
        "tasks.Task",
        on_delete=models.PROTECT,
        related_name="turns",
        db_index=False,  # the unique constraint below begins with it
    )
    path = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Chain of enclosing call ids; empty for the task's own agent",
    )
    number = models.PositiveIntegerField(help_text="1, 2, 3 … within the path")
    agent_name = models.CharField(max_length=80)
    model_name = models.CharField(max_length=100)
    response_id = models.CharField(max_length=200, blank=True)
    items = models.JSONField(
        help_text="The answer's output items, in the Responses format, as they are sent back next turn"
    )
    text = models.TextField(blank=True, help_text="What it said")
    reasoning = models.TextField(blank=True, help_text="Its reasoning summary, where the model gives one")
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(
        default=0, help_text="Of the input tokens, those that the server had cached"
    )
    output_tokens = models.PositiveIntegerField(default=0)
    cost_micros = models.PositiveBigIntegerField(
        default=0, help_text="What it cost, in millionths of a US dollar"
    )
    duration_ms = models.PositiveIntegerField(default=0)
    fence = models.PositiveIntegerField(
        help_text="The claim under which it was recorded; 0 where it was taken over from another task"
    )
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["task", "path", "number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "path", "number"], name="turn_number_once_per_path")
        ]

    def __str__(self) -> str:
        return f"Turn {self.number}"

    @property
    def taken_over(self) -> bool:
        """Told in another task; here it is repeated in the journal, and cost nothing."""
        return self.fence == TAKEN_OVER

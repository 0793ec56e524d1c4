"""What the agents used, one row for each agent and day."""

from __future__ import annotations

from django.db import models


class Usage(models.Model):
    agent = models.ForeignKey("roster.Agent", on_delete=models.PROTECT, related_name="usage")
    day = models.DateField(help_text="In UTC")
    turns = models.PositiveBigIntegerField(default=0)
    tool_calls = models.PositiveBigIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    work_ms = models.PositiveBigIntegerField(default=0)
    cost_micros = models.PositiveBigIntegerField(
        default=0, help_text="Spent on models, in millionths of a US dollar"
    )

    class Meta:
        ordering = ["-day", "agent"]
        verbose_name_plural = "usage"
        constraints = [models.UniqueConstraint(fields=["agent", "day"], name="usage_once_per_agent_and_day")]

    def __str__(self) -> str:
        return f"{self.agent} on {self.day}"

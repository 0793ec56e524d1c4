"""One step of the plan that the agent wrote for its task."""

from __future__ import annotations

from django.db import models


class ToDoState(models.TextChoices):
    PENDING = "pending", "To do"
    DOING = "doing", "Doing"
    DONE = "done", "Done"
    SKIPPED = "skipped", "Skipped"


class ToDo(models.Model):
    task = models.ForeignKey(
        "tasks.Task",
        on_delete=models.PROTECT,
        related_name="todos",
        db_index=False,  # the unique constraint below begins with it
    )
    position = models.PositiveSmallIntegerField(
        help_text="1, 2, 3 … in the order of the plan; the model names a step by it"
    )
    text = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=ToDoState.choices, default=ToDoState.PENDING)

    class Meta:
        verbose_name = "to-do"
        ordering = ["task", "position"]
        constraints = [
            models.UniqueConstraint(fields=["task", "position"], name="todo_position_once_per_task"),
            models.CheckConstraint(condition=models.Q(state__in=ToDoState.values), name="todo_state_known"),
            models.CheckConstraint(
                condition=models.Q(position__gte=1, position__lte=50), name="todo_position_1_to_50"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.text}"

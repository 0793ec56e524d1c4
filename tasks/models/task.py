"""One goal given to one agent: the unit of work."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

from agentdesk.brakes.pulled import lets_take_up
from agentdesk.core.ids import task_id
from agentdesk.events.models import Stream

MAX_GOAL = 24_000


class TaskStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


TERMINAL = (TaskStatus.DONE, TaskStatus.FAILED, TaskStatus.CANCELLED)
LIVE = (TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.WAITING)


class WaitingFor(models.TextChoices):
    NOTHING = "", "Nothing"
    APPROVAL = "approval", "Sign-off"
    QUESTION = "question", "An answer"
    RECONCILIATION = "reconciliation", "Somebody to find out whether it happened"
    LIMIT = "limit", "A larger limit"
    BRAKE = "brake", "A brake to be released"
    MODEL = "model", "A model that answers"
    TASK = "task", "Another task"


class OriginKind(models.TextChoices):
    """How a task came out of another one that had ended."""

    NONE = "", "New"
    RETRY = "retry", "Goes on from the journal of a failed one"
    AGAIN = "again", "Starts the same goal again"
    FORK = "fork", "Goes on differently from one of its turns"


SHORTLY = {
    OriginKind.NONE: "",
    OriginKind.RETRY: "Retry",
    OriginKind.AGAIN: "Started again",
    OriginKind.FORK: "Fork",
}

MAX_DEPTH = 3
"""Of tasks that start tasks: the one a person asked for has depth 0."""
MAX_TREE = 20
"""How many tasks there may be below one that a person asked for, ended ones included."""


class TaskQuerySet(models.QuerySet["Task"]):
    def claimable(self) -> TaskQuerySet:
        """Queued tasks whose time has come, and running ones whose worker stopped renewing its claim; oldest first.

        Those that a brake keeps from being taken up are left where they are.
        """
        return self.filter(
            lets_take_up("agent_version__agent"),
            (
                models.Q(status=TaskStatus.QUEUED)
                & (models.Q(not_before__isnull=True) | models.Q(not_before__lte=Now()))
            )
            | models.Q(status=TaskStatus.RUNNING, lease_until__lt=Now()),
        ).order_by("queued_at", "id")

    def live(self) -> TaskQuerySet:
        return self.filter(status__in=LIVE)

    def for_list(self) -> TaskQuerySet:
        """Newest first, each with its ticket, customer, agent, requester and the task that started it."""
        related = ("ticket", "customer", "agent_version__agent", "requested_by", "parent")
        return self.select_related(*related).order_by("-created_at", "-id")


class Task(Stream):
    public_id = models.CharField(max_length=32, unique=True, default=task_id, editable=False)
    ticket = models.ForeignKey(
        "tasks.Ticket", on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    customer = models.ForeignKey(
        "tasks.Customer", on_delete=models.PROTECT, null=True, blank=True, related_name="tasks"
    )
    title = models.CharField(max_length=200)
    goal = models.TextField(max_length=MAX_GOAL, help_text="What the agent is given to achieve")
    agent_version = models.ForeignKey("roster.AgentVersion", on_delete=models.PROTECT, related_name="tasks")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who asked for it; may never sign for it. Empty for imports and the demo",
    )
    previous = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="followed_by",
        help_text="The task this one continues",
    )
    origin = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="offspring",
        help_text="The ended task this one was made from",
    )
    origin_kind = models.CharField(
        max_length=10, choices=OriginKind.choices, blank=True, default=OriginKind.NONE
    )
    origin_turn = models.PositiveIntegerField(
        null=True, blank=True, help_text="For a fork: the first turn that is told anew"
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="The task whose agent started this one",
    )
    depth = models.PositiveSmallIntegerField(default=0, help_text="How many tasks are above it")
    root = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tree",
        help_text="The task a person asked for, on whose behalf this one runs; empty for that one itself",
    )
    place = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="1, 2, 3 … below its root, in the order they were started"
    )
    crew = models.JSONField(
        default=dict,
        blank=True,
        help_text="The agents it may be handed to or may consult: name, and the id of the version it had at the start",
    )

    status = models.CharField(max_length=10, choices=TaskStatus.choices, default=TaskStatus.QUEUED)
    waiting_for = models.CharField(
        max_length=15, choices=WaitingFor.choices, blank=True, default=WaitingFor.NOTHING
    )
    waiting_note = models.CharField(
        max_length=400,
        blank=True,
        help_text="One sentence for people: why it waits, where no approval says it",
    )
    result = models.TextField(blank=True, help_text="The agent's final answer")
    failure = models.TextField(blank=True, help_text="One sentence: why it failed, and what to do")
    model_name = models.CharField(max_length=100, blank=True, help_text="The model that last answered")

    holder = models.CharField(max_length=80, blank=True, help_text="The worker that holds the claim")
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when the claim holds, by the database's clock"
    )
    fence = models.PositiveIntegerField(
        default=0, help_text="Grows with every claim; late writes carry an old one and fail"
    )
    attempts = models.PositiveIntegerField(default=0, help_text="Failed tries of the present turn")
    lost_claims = models.PositiveIntegerField(
        default=0, help_text="Workers that were lost in a row while they held it, without a turn in between"
    )
    not_before = models.DateTimeField(null=True, blank=True, help_text="When it may be tried again")

    turns_used = models.PositiveIntegerField(default=0)
    tool_calls_used = models.PositiveIntegerField(default=0)
    tokens_used = models.PositiveIntegerField(default=0)
    work_ms = models.PositiveBigIntegerField(
        default=0, help_text="Milliseconds of work; waiting is not counted"
    )
    cost_micros = models.PositiveBigIntegerField(
        default=0, help_text="Spent on models, in millionths of a US dollar"
    )
    limits = models.JSONField(
        default=dict,
        blank=True,
        help_text="Where they differ from its agent's: turns, tool_calls, tokens, seconds, cost_micros; under days, from which limits of a day it is exempt",
    )

    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    queued_at = models.DateTimeField(help_text="When it last became queued")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        permissions = [
            ("start_task", "Can give agents new tasks"),
            ("cancel_task", "Can cancel tasks"),
            ("extend_limit", "Can extend the limits of tasks"),
            ("view_desk", "Can see the desk"),
            ("use_api", "Can create API tokens and use the API"),
        ]
        indexes = [
            models.Index(fields=["status", "queued_at"], name="task_claim_order"),
            models.Index(fields=["status", "lease_until"], name="task_lost_claims"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=TaskStatus.values), name="task_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status=TaskStatus.WAITING) & ~models.Q(waiting_for="")
                | ~models.Q(status=TaskStatus.WAITING) & models.Q(waiting_for=""),
                name="task_waits_for_something_named",
            ),
            models.CheckConstraint(
                condition=models.Q(status=TaskStatus.RUNNING, lease_until__isnull=False)
                & ~models.Q(holder="")
                | ~models.Q(status=TaskStatus.RUNNING) & models.Q(lease_until__isnull=True, holder=""),
                name="task_claimed_exactly_while_running",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=TERMINAL, finished_at__isnull=False)
                | models.Q(status__in=LIVE, finished_at__isnull=True),
                name="task_finished_at_when_terminal",
            ),
            models.CheckConstraint(
                condition=~models.Q(status=TaskStatus.FAILED) | ~models.Q(failure=""),
                name="task_failure_explained",
            ),
            models.CheckConstraint(
                condition=models.Q(origin__isnull=True, origin_kind="")
                | models.Q(origin__isnull=False) & ~models.Q(origin_kind=""),
                name="task_origin_has_a_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(origin_kind=OriginKind.FORK, origin_turn__isnull=False, origin_turn__gte=1)
                | ~models.Q(origin_kind=OriginKind.FORK) & models.Q(origin_turn__isnull=True),
                name="task_origin_turn_exactly_for_forks",
            ),
            models.UniqueConstraint(
                fields=["origin"],
                condition=models.Q(origin_kind=OriginKind.RETRY),
                name="task_retried_at_most_once",
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True, depth=0)
                | models.Q(parent__isnull=False, depth__gte=1, depth__lte=MAX_DEPTH),
                name="task_depth_at_most_3",
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True, root__isnull=True, place__isnull=True)
                | models.Q(parent__isnull=False, root__isnull=False, place__gte=1, place__lte=MAX_TREE),
                name="task_at_most_20_below_a_root",
            ),
            models.UniqueConstraint(fields=["root", "place"], name="task_place_once_per_root"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("desk:task", args=[self.public_id])

    @property
    def made(self) -> str:
        """For people: how it came out of its origin, for example `Fork at turn 4`; empty for a new task."""
        at = f" at turn {self.origin_turn}" if self.origin_turn is not None else ""
        return f"{SHORTLY[OriginKind(self.origin_kind)]}{at}"

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

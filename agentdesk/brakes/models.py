"""A brake that was pulled, and when and why it was released again. Rows are never deleted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from agentdesk.core.ids import brake_id

MAX_REASON = 300


class Depth(models.TextChoices):
    """Where a brake bites, from the gentlest to the deepest."""

    TAKE = "take", "Take up no tasks"
    DECIDE = "decide", "Decide nothing"
    EFFECTS = "effects", "Change nothing"


class BrakeQuerySet(models.QuerySet["Brake"]):
    def pulled(self) -> BrakeQuerySet:
        """Those that bite now, the oldest first, each with its agent and who pulled it."""
        return (
            self.filter(released_at__isnull=True)
            .select_related("agent", "pulled_by")
            .order_by("pulled_at", "id")
        )

    def at(self, depth: Depth) -> BrakeQuerySet:
        return self.filter(depth=depth)


class Brake(models.Model):
    public_id = models.CharField(max_length=32, unique=True, default=brake_id, editable=False)
    depth = models.CharField(max_length=10, choices=Depth.choices)
    tool = models.CharField(max_length=80, blank=True, default="", help_text="Only this tool; empty for all")
    agent = models.ForeignKey(
        "roster.Agent",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="brakes",
        help_text="Only this agent; empty for all",
    )
    reason = models.CharField(max_length=MAX_REASON)
    tripped_by = models.CharField(
        max_length=80, blank=True, default="", help_text="The cap that pulled it; empty where a person did"
    )
    pulled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty where the money breaker did",
    )
    pulled_at = models.DateTimeField()
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    released_because = models.CharField(max_length=MAX_REASON, blank=True, default="")

    objects = BrakeQuerySet.as_manager()

    class Meta:
        ordering = ["-pulled_at", "-id"]
        default_permissions = ("view",)
        permissions = [("pull_brake", "Can pull brakes"), ("release_brake", "Can release brakes")]
        constraints = [
            models.CheckConstraint(condition=models.Q(depth__in=Depth.values), name="brake_depth_known"),
            models.CheckConstraint(
                condition=models.Q(tool="", agent__isnull=True)
                | models.Q(tool="", agent__isnull=False, depth__in=[Depth.TAKE, Depth.EFFECTS])
                | ~models.Q(tool="") & models.Q(agent__isnull=True, depth__in=[Depth.DECIDE, Depth.EFFECTS]),
                name="brake_scope_fits_its_depth",
            ),
            models.UniqueConstraint(
                "depth",
                "tool",
                Coalesce("agent", 0),
                condition=models.Q(released_at__isnull=True),
                name="brake_one_pulled_per_depth_and_scope",
            ),
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True, released_by__isnull=True, released_because="")
                | models.Q(released_at__isnull=False, released_by__isnull=False)
                & ~models.Q(released_because=""),
                name="brake_released_by_somebody_with_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(pulled_by__isnull=False, tripped_by="")
                | models.Q(pulled_by__isnull=True) & ~models.Q(tripped_by=""),
                name="brake_pulled_by_a_person_or_a_cap",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="brake_has_a_reason"),
        ]

    def __str__(self) -> str:
        return self.headline

    def get_absolute_url(self) -> str:
        return f"{reverse('desk:brakes')}#{self.public_id}"

    @property
    def is_pulled(self) -> bool:
        return self.released_at is None

    @property
    def scope(self) -> str:
        """For example `everything`, `the tool issue_refund`, `the agent Support agent`."""
        if self.tool:
            return f"the tool {self.tool}"
        return f"the agent {self.agent.title}" if self.agent else "everything"

    @property
    def headline(self) -> str:
        """What it stops, in one short sentence without a full stop."""
        match self.depth:
            case Depth.TAKE:
                return f"{self.agent.title} takes up no tasks" if self.agent else "Agents take up no tasks"
            case Depth.DECIDE:
                return f"Nothing about {self.tool} is decided" if self.tool else "Nothing is decided"
            case _:
                actor = self.tool or (self.agent.title if self.agent else "")
                return f"{actor} changes nothing" if actor else "No tool changes anything"

    @property
    def puller(self) -> str:
        if self.pulled_by is None:
            return f"the cap “{self.tripped_by}”"
        return self.pulled_by.get_full_name() or self.pulled_by.get_username()

    @property
    def in_words(self) -> str:
        """One or two sentences for people: what, who, since when, why."""
        since = timezone.localtime(self.pulled_at)
        return (
            f"{self.headline}: the brake was pulled by {self.puller} at {since:%H:%M} on {since:%-d %B}. "
            f"{self.reason}"
        )

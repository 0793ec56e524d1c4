"""An agent is a profile; what it is told and allowed is a version, and versions never change."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Source(models.TextChoices):
    SHIPPED = "shipped", "Shipped with AgentDesk"
    STAFF = "staff", "Written here"
    FORK = "fork", "Written for one fork"


class ModelApi(models.TextChoices):
    DEFAULT = "", "As the settings say"
    RESPONSES = "responses", "Responses"
    CHAT = "chat", "Chat Completions"


class AgentQuerySet(models.QuerySet["Agent"]):
    def startable(self) -> AgentQuerySet:
        """Agents that new tasks may be given to, with their current version."""
        return self.filter(enabled=True, current__isnull=False).select_related("current")


class Agent(models.Model):
    name = models.SlugField(unique=True, help_text="Short name for the API and imports, for example support")
    title = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    enabled = models.BooleanField(
        default=True, help_text="A disabled agent gets no new tasks; running ones go on"
    )
    current = models.ForeignKey(
        "AgentVersion", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title


class AgentVersion(models.Model):
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    instructions = models.TextField(max_length=50_000)
    model = models.CharField(
        max_length=100,
        blank=True,
        help_text="Name of a model, or empty for the desk's default; “offline” is the built-in one",
    )
    model_api = models.CharField(
        max_length=10, blank=True, choices=ModelApi.choices, default=ModelApi.DEFAULT
    )
    fallback_model = models.CharField(
        max_length=100,
        blank=True,
        help_text="Name of the model that answers where the first one fails again and again; empty for none",
    )
    call_seconds = models.PositiveIntegerField(
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text="Seconds one answer of the model may take",
    )
    tools = models.JSONField(default=list, help_text="Names of the tools it may call")
    hand_offs = models.JSONField(
        default=list, blank=True, help_text="Names of the agents it may hand the whole task to"
    )
    consults = models.JSONField(
        default=list,
        blank=True,
        help_text="Names of the agents it may call like a tool, one question at a time",
    )
    max_turns = models.PositiveIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(200)]
    )
    max_tool_calls = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    max_seconds = models.PositiveIntegerField(
        default=900,
        validators=[MinValueValidator(5), MaxValueValidator(86_400)],
        help_text="Seconds of work, waiting not counted",
    )
    max_tokens = models.PositiveIntegerField(default=400_000, validators=[MinValueValidator(1000)])
    max_cost_micros = models.PositiveBigIntegerField(
        default=10_000_000,
        validators=[MinValueValidator(1)],
        help_text="What a task may spend on models, in millionths of a US dollar",
    )
    per_day = models.JSONField(
        default=dict,
        blank=True,
        help_text="Limits of all its tasks together on one day (UTC): turns, tool_calls, tokens, seconds, cost_micros; none where it is not named",
    )
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.STAFF)
    reason = models.CharField(max_length=300, help_text="Why this version exists")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["agent", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="agent_version_number_once"),
            models.CheckConstraint(
                condition=models.Q(
                    max_turns__gte=1, max_tool_calls__gte=1, max_seconds__gte=1, max_tokens__gte=1
                ),
                name="agent_version_limits_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent.title} v{self.number}"


class ModelPrice(models.Model):
    """What a model costs, in millionths of a US dollar for a million tokens (so 1,250,000 is $1.25)."""

    model = models.CharField(max_length=100, unique=True, help_text="Its name as agents and settings say it")
    input_micros = models.PositiveBigIntegerField(help_text="A million input tokens")
    cached_input_micros = models.PositiveBigIntegerField(
        help_text="A million input tokens that the server had cached"
    )
    output_micros = models.PositiveBigIntegerField(help_text="A million output tokens")

    class Meta:
        ordering = ["model"]

    def __str__(self) -> str:
        return self.model

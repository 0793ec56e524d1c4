"""Caps on what sensitive calls move, their immutable versions, and who let which call over one."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from agentdesk.core.money import EXPONENTS
from approvals.cap import ON_REACH_WORDS, PER_WORDS, Limit, OnReach, Per

LONGEST_HOURS = 24 * 3660


class Cap(models.Model):
    """Its row is what concurrent effects queue up behind; what it says is in its version in force."""

    name = models.CharField(
        max_length=80, unique=True, help_text="Stays for ever; for example Refunds of an order"
    )
    current = models.ForeignKey(
        "CapVersion", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        ordering = ["name"]
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return self.name


class CapVersion(models.Model):
    cap = models.ForeignKey(Cap, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    in_force = models.BooleanField(default=True, help_text="Off: the cap holds nothing back")
    per = models.CharField(
        max_length=10,
        choices=[(per.value, PER_WORDS[per]) for per in Per],
        help_text="What is counted together",
    )
    tools = models.JSONField(
        default=list,
        blank=True,
        help_text="Names of the tools it counts; none for all that people may have to sign",
    )
    window_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_HOURS)],
        help_text="Counted back from now; empty for ever",
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        choices=[(code, code) for code in EXPONENTS],
        help_text="Empty for any, by number only",
    )
    max_count = models.PositiveIntegerField(null=True, blank=True, help_text="At most so many calls")
    max_sum_minor = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="At most so much together, in the currency's minor units"
    )
    on_reach = models.CharField(
        max_length=10,
        choices=[(value.value, ON_REACH_WORDS[value]) for value in OnReach],
        default=OnReach.ASK.value,
    )
    reason = models.CharField(max_length=300, help_text="Why this version exists")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["cap", "-number"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["cap", "number"], name="cap_version_number_once"),
            models.CheckConstraint(
                condition=models.Q(max_count__isnull=False) | models.Q(max_sum_minor__isnull=False),
                name="cap_limits_something",
            ),
            models.CheckConstraint(
                condition=models.Q(max_sum_minor__isnull=True) | ~models.Q(currency=""),
                name="cap_sum_has_a_currency",
            ),
            models.CheckConstraint(condition=models.Q(per__in=list(Per)), name="cap_per_known"),
            models.CheckConstraint(condition=models.Q(on_reach__in=list(OnReach)), name="cap_on_reach_known"),
            models.CheckConstraint(
                condition=models.Q(window_hours__isnull=True) | models.Q(window_hours__gte=1),
                name="cap_window_from_an_hour",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="cap_version_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.cap.name} v{self.number}"

    @property
    def limit(self) -> Limit:
        return Limit(
            per=Per(self.per),
            tools=frozenset(self.tools),
            window_hours=self.window_hours,
            currency=self.currency,
            max_count=self.max_count,
            max_sum_minor=self.max_sum_minor,
            on_reach=OnReach(self.on_reach),
        )


class Exemption(models.Model):
    """Somebody let exactly one call over one cap, for exactly one amount."""

    cap = models.ForeignKey(Cap, on_delete=models.PROTECT, related_name="exemptions")
    cap_version = models.ForeignKey(CapVersion, on_delete=models.PROTECT, related_name="exemptions")
    tool_call = models.ForeignKey("tools.ToolCall", on_delete=models.PROTECT, related_name="exemptions")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        default_permissions = ("view",)
        permissions = [("extend_limit", "Can let a call over a cap, once")]
        constraints = [
            models.UniqueConstraint(fields=["tool_call", "cap"], name="cap_exempts_a_call_once"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="cap_exemption_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.tool_call} over {self.cap}"

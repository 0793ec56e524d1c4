"""Approvals (questions to people about one tool call), decisions (one person's answer), policies (versioned rules)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from agentdesk.core.ids import approval_id
from approvals.cap_models import Cap, CapVersion, Exemption

__all__ = [
    "Approval",
    "ApprovalKind",
    "ApprovalStatus",
    "Cap",
    "CapVersion",
    "Decision",
    "Exemption",
    "Policy",
    "PolicyVersion",
    "Verdict",
]


class Policy(models.Model):
    """The desk has one policy; its rules live in immutable versions."""

    name = models.SlugField(unique=True, default="desk")
    current = models.ForeignKey(
        "PolicyVersion", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    rules = models.JSONField(
        help_text="See approvals.policy.Policy for the shape; amounts are in minor units"
    )
    reason = models.CharField(max_length=300, help_text="Why the rules changed")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["policy", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="policy_version_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.policy.name} v{self.number}"


class ApprovalKind(models.TextChoices):
    SIGN_OFF = "sign_off", "Sign-off"
    QUESTION = "question", "Question"
    RECONCILIATION = "reconciliation", "Reconciliation"


class ApprovalStatus(models.TextChoices):
    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    ANSWERED = "answered", "Answered"
    EXPIRED = "expired", "Nobody answered in time"
    CANCELLED = "cancelled", "Withdrawn"
    SUPERSEDED = "superseded", "Asked again"


class Verdict(models.TextChoices):
    APPROVE = "approve", "Approved"
    REJECT = "reject", "Rejected"
    ANSWER = "answer", "Answered"
    HAPPENED = "happened", "It happened"
    DID_NOT_HAPPEN = "did_not_happen", "It did not happen"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def open(self) -> ApprovalQuerySet:
        return self.filter(status=ApprovalStatus.OPEN)

    def for_queue(self) -> ApprovalQuerySet:
        """Open ones, each with its task, customer, call and signatures so far: what nobody knows first, as it never
        expires, then the soonest to expire.
        """
        return (
            self.open()
            .select_related(
                "task__customer", "task__ticket", "task__requested_by", "tool_call", "policy_version__policy"
            )
            .prefetch_related("decisions__decided_by")
            .in_order()
        )

    def in_order(self) -> ApprovalQuerySet:
        return self.order_by(models.F("expires_at").asc(nulls_first=True), "id")


class Approval(models.Model):
    public_id = models.CharField(max_length=32, unique=True, default=approval_id, editable=False)
    kind = models.CharField(max_length=15, choices=ApprovalKind.choices, default=ApprovalKind.SIGN_OFF)
    task = models.ForeignKey("tasks.Task", on_delete=models.PROTECT, related_name="approvals")
    tool_call = models.ForeignKey("tools.ToolCall", on_delete=models.PROTECT, related_name="approvals")
    status = models.CharField(max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.OPEN)
    title = models.CharField(max_length=200, help_text="What is asked, in one line")
    subject = models.CharField(
        max_length=120, blank=True, help_text="What it is about; one open approval per subject"
    )
    amount_minor = models.PositiveBigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    policy_version = models.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="approvals"
    )
    rule = models.CharField(max_length=80, blank=True)
    why = models.CharField(max_length=400, blank=True, help_text="Why a person is asked, in words")
    band = models.JSONField(default=dict, help_text="The band of the policy that says who signs")
    facts = models.JSONField(default=dict, help_text="The state the decision rests on when it was asked")
    seen_hash = models.CharField(
        max_length=64, help_text="Hash of arguments, policy, agent version and facts: what is signed"
    )
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Never for a reconciliation: time does not tell what happened"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="supersedes"
    )

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        permissions = [
            ("decide_approval", "Can decide approvals, as far as the policy lets them"),
            ("answer_question", "Can answer agents' questions"),
            ("reconcile_effect", "Can find out whether something happened outside, and say so"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=ApprovalStatus.values), name="approval_status_known"
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=models.Q(status=ApprovalStatus.OPEN) & ~models.Q(subject=""),
                name="approval_one_open_per_subject",
            ),
            models.UniqueConstraint(
                fields=["tool_call"],
                condition=models.Q(status=ApprovalStatus.OPEN),
                name="approval_one_open_per_tool_call",
            ),
            models.CheckConstraint(
                condition=models.Q(status=ApprovalStatus.OPEN, closed_at__isnull=True)
                | ~models.Q(status=ApprovalStatus.OPEN) & models.Q(closed_at__isnull=False),
                name="approval_closed_at_when_closed",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind=ApprovalKind.SIGN_OFF)
                | models.Q(amount_minor__isnull=False, policy_version__isnull=False),
                name="approval_sign_off_has_amount_and_policy",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind=ApprovalKind.RECONCILIATION,
                    expires_at__isnull=True,
                    status__in=[ApprovalStatus.OPEN, ApprovalStatus.ANSWERED],
                )
                | ~models.Q(kind=ApprovalKind.RECONCILIATION) & models.Q(expires_at__isnull=False),
                name="approval_reconciliation_is_open_until_answered",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=ApprovalKind.values), name="approval_kind_known"
            ),
        ]
        indexes = [models.Index(fields=["status", "expires_at"], name="approval_queue_order")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("desk:approval", args=[self.public_id])

    @property
    def is_open(self) -> bool:
        return self.status == ApprovalStatus.OPEN


class Decision(models.Model):
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="decisions")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions"
    )
    verdict = models.CharField(max_length=15, choices=Verdict.choices)
    reason = models.TextField(
        blank=True, max_length=2_000, help_text="For a rejection or an answer: the model reads it"
    )
    reference = models.CharField(
        max_length=120, blank=True, help_text="For what happened outside: what it is called there"
    )
    seen = models.CharField(max_length=64, help_text="The hash of what the person was shown")
    groups = models.JSONField(default=list, help_text="The person's groups at that moment")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["decided_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["approval", "decided_by"], name="decision_once_per_person"),
            models.CheckConstraint(
                condition=models.Q(verdict=Verdict.APPROVE) | ~models.Q(reason=""),
                name="decision_no_without_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} by {self.decided_by}"

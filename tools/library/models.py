"""Runbooks say how a kind of case is handled; documents are what agents write down for colleagues."""

from __future__ import annotations

from django.db import models


class Category(models.TextChoices):
    """The kinds of cases; tickets are told apart by them and each has its runbook."""

    DUPLICATE_CHARGE = "duplicate_charge", "Duplicate charge"
    DAMAGED_ITEM = "damaged_item", "Damaged item"
    LATE_DELIVERY = "late_delivery", "Late delivery"
    MISSING_PARCEL = "missing_parcel", "Missing parcel"
    CANCELLATION = "cancellation", "Cancellation before shipping"
    RETURN = "return", "Return and change of mind"
    WRONG_ITEM = "wrong_item", "Wrong item"
    SUBSCRIPTION = "subscription", "Subscription"
    PRICE_MATCH = "price_match", "Price match and goodwill"
    CHARGEBACK = "chargeback", "Chargeback and bank disputes"
    FRAUD = "fraud", "Suspected fraud"
    ACCOUNT = "account", "Account and login"
    PRIVACY = "privacy", "Privacy request"
    COMPLAINT = "complaint", "Complaint"
    GENERAL = "general", "Everything else"


class Runbook(models.Model):
    category = models.CharField(max_length=30, choices=Category.choices, unique=True)
    title = models.CharField(max_length=120)
    body = models.TextField(
        max_length=20_000, help_text="Markdown; number the clauses, the agent quotes them"
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["category"]

    def __str__(self) -> str:
        return self.title


class Document(models.Model):
    task = models.ForeignKey("tasks.Task", on_delete=models.PROTECT, related_name="documents")
    tool_call = models.OneToOneField("tools.ToolCall", on_delete=models.PROTECT, related_name="document")
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=50_000, help_text="Markdown")
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["-written_at"]

    def __str__(self) -> str:
        return self.title

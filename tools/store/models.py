"""Orders with lines, charges and refunds. Money is integer minor units of the order's currency."""

from __future__ import annotations

from django.db import models

from agentdesk.core.money import EXPONENTS

CURRENCIES = [(code, code) for code in EXPONENTS]


class OrderStatus(models.TextChoices):
    PLACED = "placed", "Placed"
    SHIPPED = "shipped", "Shipped"
    DELIVERED = "delivered", "Delivered"
    CANCELLED = "cancelled", "Cancelled"


class Order(models.Model):
    number = models.CharField(max_length=20, unique=True, help_text="For example A-1042")
    customer = models.ForeignKey("tasks.Customer", on_delete=models.PROTECT, related_name="orders")
    status = models.CharField(max_length=10, choices=OrderStatus.choices, default=OrderStatus.PLACED)
    subscription = models.BooleanField(
        default=False, help_text="A period of a subscription rather than a parcel"
    )
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    captured_minor = models.PositiveBigIntegerField(
        default=0, help_text="Sum of its charges, kept for the constraint"
    )
    refunded_minor = models.PositiveBigIntegerField(
        default=0, help_text="Sum of its refunds, those under way included, kept for the constraint"
    )
    placed_at = models.DateTimeField()
    promised_by = models.DateField(null=True, blank=True, help_text="Delivery promised by")
    shipped_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-placed_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(refunded_minor__lte=models.F("captured_minor")),
                name="order_refunded_never_above_captured",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=OrderStatus.values), name="order_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def refundable_minor(self) -> int:
        return self.captured_minor - self.refunded_minor


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    sku = models.CharField(max_length=40)
    title = models.CharField(max_length=120)
    quantity = models.PositiveSmallIntegerField(default=1)
    unit_price_minor = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="order_line_quantity_from_one")
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title}"


class Charge(models.Model):
    """Money captured from the customer."""

    number = models.CharField(max_length=20, unique=True, help_text="For example CH-2042")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="charges")
    amount_minor = models.PositiveBigIntegerField()
    reference = models.CharField(
        max_length=255,
        null=True,
        blank=True,
        unique=True,
        help_text="What the payment provider calls it, for Stripe pi_… or ch_…; empty where it was taken elsewhere",
    )
    captured_at = models.DateTimeField()
    description = models.CharField(max_length=120, help_text="What the customer's statement says")

    class Meta:
        ordering = ["order", "captured_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="charge_amount_positive")
        ]

    def __str__(self) -> str:
        return self.number


class RefundState(models.TextChoices):
    PENDING = "pending", "Under way"
    DONE = "done", "Done"
    FAILED = "failed", "Did not happen"


COUNTED = (RefundState.PENDING, RefundState.DONE)
"""What uses up the order's money: done, or reserved for one that is under way."""


class RefundQuerySet(models.QuerySet["Refund"]):
    def counted(self) -> RefundQuerySet:
        return self.filter(state__in=COUNTED)

    def done(self) -> RefundQuerySet:
        return self.filter(state=RefundState.DONE)


class Refund(models.Model):
    """Money given back, under way, or not given back after all. One per tool call, for ever."""

    number = models.CharField(max_length=20, unique=True, help_text="For example RF-3042")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    charge = models.ForeignKey(
        Charge, on_delete=models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    amount_minor = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=RefundState.choices, default=RefundState.DONE)
    provider = models.CharField(max_length=20, default="ledger", help_text="Who moves the money")
    reference = models.CharField(max_length=255, blank=True, help_text="What the provider calls it")
    tool_call = models.OneToOneField(
        "tools.ToolCall",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="refund",
        help_text="Empty for refunds made elsewhere before",
    )
    refunded_at = models.DateTimeField(help_text="For one that is under way or failed: when it was asked for")

    objects = RefundQuerySet.as_manager()

    class Meta:
        ordering = ["-refunded_at"]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(state__in=RefundState.values), name="refund_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.number

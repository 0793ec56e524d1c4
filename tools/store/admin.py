"""The store in the admin: orders with their lines, the money that came in and the money that went back."""

from __future__ import annotations

from django.contrib import admin

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import block, link, links, moment, money, section, status, text
from tools.store.models import Charge, Order, OrderLine, Refund

captured, refunded = money("captured_minor"), money("refunded_minor")


@admin.register(Order)
class OrderAdmin(HistoryAdmin):
    list_display = [
        text("number"),
        link("customer"),
        status(),
        "subscription",
        captured,
        refunded,
        moment("placed_at", "placed"),
    ]
    list_select_related = ["customer"]
    list_filter = ["status", "subscription", "currency", "placed_at"]
    search_fields = ["=number", "=customer__number", "customer__name", "=charges__number", "=refunds__number"]
    search_help_text = "The number of an order, charge, refund or customer, or the customer’s name"
    fieldsets = [
        section(None, text("number"), link("customer"), status(), "subscription", links("lines")),
        section(
            "Money",
            captured,
            refunded,
            money("refundable_minor", "can still go back"),
            links("charges"),
            links("refunds"),
        ),
        section(
            "Time",
            moment("placed_at", "placed"),
            "promised_by",
            moment("shipped_at", "shipped"),
            moment("delivered_at", "delivered"),
            moment("cancelled_at", "cancelled"),
        ),
    ]


@admin.register(OrderLine)
class OrderLineAdmin(HistoryAdmin):
    list_display = [
        text("title"),
        "quantity",
        (price := money("unit_price_minor", "unit price", currency="order__currency")),
        "sku",
        link("order"),
    ]
    list_select_related = ["order"]
    search_fields = ["=order__number", "=sku", "title"]
    fieldsets = [section(None, link("order"), text("title"), text("sku"), "quantity", price)]


@admin.register(Charge)
class ChargeAdmin(HistoryAdmin):
    list_display = [
        text("number"),
        (amount := money("amount_minor", currency="order__currency")),
        text("description"),
        link("order"),
        link("order__customer", "customer"),
        moment("captured_at", "captured"),
    ]
    list_select_related = ["order__customer"]
    list_filter = ["captured_at"]
    search_fields = ["=number", "=order__number", "=order__customer__number", "description"]
    fieldsets = [
        section(
            None,
            text("number"),
            amount,
            text("description"),
            text("reference"),
            link("order"),
            link("order__customer", "customer"),
        ),
        section(None, moment("captured_at", "captured"), links("refunds")),
    ]


@admin.register(Refund)
class RefundAdmin(HistoryAdmin):
    list_display = [
        text("number"),
        (amount := money("amount_minor", currency="order__currency")),
        status("state"),
        link("order"),
        link("order__customer", "customer"),
        text("reason", limit=80),
        link("tool_call__task", "task"),
        moment("refunded_at", "refunded"),
    ]
    list_select_related = ["order__customer", "tool_call__task"]
    list_filter = ["state", "provider", "refunded_at"]
    search_fields = [
        "=number",
        "=reference",
        "=order__number",
        "=order__customer__number",
        "=charge__number",
        "reason",
    ]
    search_help_text = (
        "The number of a refund, order, charge or customer, the provider’s reference, or words of the reason"
    )
    fieldsets = [
        section(
            None,
            text("number"),
            amount,
            status("state"),
            link("order"),
            link("charge"),
            link("order__customer", "customer"),
            text("provider"),
            text("reference"),
        ),
        section(
            "How it came about",
            block("reason"),
            link("tool_call", "tool call"),
            link("tool_call__task", "task"),
            links("tool_call__approvals", "approvals"),
            moment("refunded_at", "refunded"),
        ),
    ]

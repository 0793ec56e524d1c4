"""Messages to customers in the admin."""

from __future__ import annotations

from django.contrib import admin

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import block, link, moment, section, status, text
from tools.messages.models import OutgoingMessage


@admin.register(OutgoingMessage)
class OutgoingMessageAdmin(HistoryAdmin):
    list_display = [
        text("subject", limit=80),
        link("customer"),
        text("to"),
        status(),
        link("task"),
        moment("written_at", "written"),
        moment("sent_at", "sent"),
    ]
    list_select_related = ["customer", "task"]
    list_filter = ["status", "written_at"]
    search_fields = ["=task__public_id", "=customer__number", "=to", "subject"]
    fieldsets = [
        section(None, link("customer"), text("to"), text("subject", limit=200), block("body")),
        section(
            "Sending",
            status(),
            text("error", limit=300),
            moment("written_at", "written"),
            moment("sending_since", "sending since"),
            moment("sent_at", "sent"),
        ),
        section("How it came about", link("task"), link("tool_call", "tool call")),
    ]

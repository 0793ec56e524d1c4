"""notify_user: the one tool that writes to customers."""

from __future__ import annotations

from typing import Any

from agentdesk.core.text import shortened
from tools.messages.notify import NotifyUser, notify_user
from tools.models import Effect
from tools.spec import ToolSpec

TOOLS: list[ToolSpec[Any]] = [
    ToolSpec(
        name="notify_user",
        description=(
            "Send the customer of this task one e-mail. Call it once, near the end, when the outcome is known; "
            "promise nothing that has not been done."
        ),
        arguments=NotifyUser,
        effect=Effect.LOCAL,
        handler=notify_user,
        label=lambda data: f"Write to the customer: “{shortened(data['subject'], 80)}”",
    )
]

"""What became of an approval, in one sentence for whoever comes late."""

from __future__ import annotations

from approvals.models import Approval, ApprovalKind, ApprovalStatus


def in_words(approval: Approval) -> str:
    """For example `Lena Berg approved this at 14:05 UTC on 3 May.`"""
    when = (
        ""
        if approval.closed_at is None
        else f" at {approval.closed_at:%H:%M} UTC on {approval.closed_at:%-d %B}"
    )
    last = approval.decisions.select_related("decided_by").order_by("-decided_at", "-id").first()
    who = "" if last is None else last.decided_by.get_full_name() or last.decided_by.get_username()
    match approval.status:
        case ApprovalStatus.ANSWERED if approval.kind == ApprovalKind.RECONCILIATION and last is not None:
            return f"{who} found out{when}: {last.get_verdict_display().lower()}."
        case ApprovalStatus.APPROVED | ApprovalStatus.REJECTED | ApprovalStatus.ANSWERED:
            return f"{who} {approval.status} this{when}."
        case ApprovalStatus.EXPIRED:
            return f"Nobody answered in time: this ran out{when}, and the agent was told so."
        case ApprovalStatus.CANCELLED:
            return f"The task was ended{when}, so this is not needed any more."
        case ApprovalStatus.SUPERSEDED:
            return f"The facts changed{when}, so this was closed and asked again."
        case _:
            return "This is open."

"""Approvals, decisions and policies in the admin. The approval's page is the card itself, with the desk's own form."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from agentdesk.core.admin import HistoryAdmin, RecordAdmin
from agentdesk.core.admin_columns import block, json, link, links, moment, money, section, status, text
from agentdesk.core.errors import Forbidden, Invalid, Late
from approvals import card, decide, policies
from approvals.cap_admin import CapAdmin, CapVersionAdmin, ExemptionAdmin
from approvals.models import Approval, Decision, Policy, PolicyVersion
from approvals.policy_form import PolicyForm
from approvals.policy_words import described
from tools.outside import NotBooked

__all__ = ["CapAdmin", "CapVersionAdmin", "ExemptionAdmin"]


@admin.register(Approval)
class ApprovalAdmin(HistoryAdmin):
    change_form_template = "admin/approvals/approval/change_form.html"
    list_display = [
        text("title", limit=80),
        status(),
        "kind",
        (amount := money("amount_minor")),
        link("task__customer", "customer"),
        link("task"),
        moment("opened_at", "asked"),
        moment("expires_at", "expires"),
        moment("closed_at", "closed"),
    ]
    list_select_related = ["task__customer"]
    list_filter = ["status", "kind", "rule", "opened_at"]
    search_fields = [
        "=public_id",
        "title",
        "=subject",
        "=task__public_id",
        "=seen_hash",
        "=task__customer__number",
    ]
    search_help_text = "An id, words of the title, a subject such as order:A-1042, a customer’s number, or the hash that was signed"
    fieldsets = [
        section(
            None,
            text("title", limit=200),
            status(),
            "kind",
            amount,
            text("subject"),
            link("task"),
            link("tool_call", "tool call"),
        ),
        section("Who decided", links("decisions")),
        section(
            "Why it was asked", text("rule"), block("why"), link("policy_version", "policy"), json("band")
        ),
        section(
            "What is signed",
            text("seen_hash", "hash"),
            json("facts"),
            json("tool_call__arguments", "arguments"),
        ),
        section(
            "Time",
            moment("opened_at", "asked"),
            moment("expires_at", "expires"),
            moment("closed_at", "closed"),
            link("superseded_by", "asked again as"),
            text("public_id", "id"),
        ),
    ]

    def has_view_permission(self, request: HttpRequest, obj: Approval | None = None) -> bool:
        """Who may decide or answer sees the cards; the list of all of them is for those who see the history."""
        may_act = any(
            request.user.has_perm(f"approvals.{right}")
            for right in ("decide_approval", "answer_question", "reconcile_effect")
        )
        return super().has_view_permission(request, obj) or (obj is not None and may_act)

    def beside(self, request: HttpRequest, obj: Approval) -> dict[str, Any]:
        assert isinstance(request.user, User)
        decide_url = reverse("admin:approvals_approval_decide", args=[obj.pk])
        return {"card": card.build(obj, viewer=request.user), "decide_url": decide_url}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.decide_view))
        return [path("<int:pk>/decide/", view, name="approvals_approval_decide"), *super().get_urls()]

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The desk's own action, with the card in the admin as its answer: 302 when decided, else 403, 409 or 422."""
        approval = Approval.objects.filter(pk=pk).first()
        if approval is None:
            raise Http404
        if not self.has_view_permission(request, approval):
            raise PermissionDenied
        assert isinstance(request.user, User)
        verdict, reason = request.POST.get("verdict", ""), request.POST.get("reason", "")
        try:
            decide.decide(
                approval,
                by=request.user,
                verdict=verdict,
                reason=reason,
                reference=request.POST.get("reference", ""),
                seen=request.POST.get("seen", ""),
            )
        except (Forbidden, Late, Invalid, NotBooked) as refusal:
            shown = copy(request)
            shown.method = "GET"  # the card again; a POST to a page of the history is answered 403
            response = self.change_view(shown, str(pk), extra_context={"refusal": refusal, "reason": reason})
            response.status_code = refusal.http_status
            return response
        return redirect("admin:approvals_approval_change", pk)


@admin.register(Decision)
class DecisionAdmin(HistoryAdmin):
    list_display = [
        "__str__",
        link("approval"),
        status("verdict"),
        text("reason", limit=80),
        link("approval__task", "task"),
        moment("decided_at", "when"),
    ]
    list_select_related = ["approval__task", "decided_by"]
    list_filter = ["verdict", ("decided_by", admin.RelatedOnlyFieldListFilter), "decided_at"]
    search_fields = [
        "=approval__public_id",
        "=approval__task__public_id",
        "decided_by__username",
        "reason",
        "=seen",
    ]
    fieldsets = [
        section(
            None,
            link("decided_by", "by"),
            status("verdict"),
            block("reason"),
            text("reference"),
            moment("decided_at", "when"),
        ),
        section(
            "About",
            link("approval"),
            link("approval__task", "task"),
            text("seen", "hash of what was shown"),
            json("groups", "groups then"),
        ),
    ]


@admin.register(PolicyVersion)
class PolicyVersionAdmin(HistoryAdmin):
    list_display = ["__str__", text("reason"), link("author"), moment("created_at", "written")]
    list_select_related = ["policy", "author"]
    search_fields = ["reason", "author__username"]
    fieldsets = [
        section(
            None,
            link("policy"),
            "number",
            text("reason", limit=300),
            link("author"),
            moment("created_at", "written"),
            json("rules"),
        )
    ]


@admin.register(Policy)
class PolicyAdmin(RecordAdmin):
    """The one policy: saving publishes a new version; the old ones stay what they were."""

    form = PolicyForm
    change_form_template = "admin/approvals/policy/change_form.html"
    list_display = [
        "name",
        link("current", "in force"),
        text("current__reason", "because"),
        link("current__author", "by"),
        moment("current__created_at", "since"),
    ]
    list_select_related = ["current__policy", "current__author"]
    readonly_fields: ClassVar[list[Any]] = [
        (versions := links("versions")),
        (in_force := link("current", "in force")),
    ]
    fieldsets = [section(None, in_force, "rules", "reason", "base"), section("Versions", versions)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The desk has one policy; it comes with the installation."""
        return False

    def save_model(self, request: HttpRequest, obj: Policy, form: ModelForm[Policy], change: bool) -> None:
        assert isinstance(request.user, User)
        version = policies.publish(
            rules=form.cleaned_data["rules"], reason=form.cleaned_data["reason"], by=request.user
        )
        obj.current = version

    def beside(self, request: HttpRequest, obj: Policy) -> dict[str, Any]:
        return {"rules": described(obj.current.rules) if obj.current else []}

"""API tokens in the admin: who has which, when it was last used, and revoking one. The token itself is never shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from agentdesk.api import tokens
from agentdesk.api.models import StartRequest, Token
from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import admin_url, link, moment, section, text
from agentdesk.core.errors import Invalid


@admin.register(Token)
class TokenAdmin(HistoryAdmin):
    change_form_template = "admin/api/token/change_form.html"
    list_display = [
        text("name"),
        link("user", "acts as"),
        moment("created_at", "made"),
        moment("last_used_at", "last used"),
        moment("expires_at", "expires"),
        moment("revoked_at", "revoked"),
    ]
    list_select_related = ["user"]
    list_filter = [
        ("user", admin.RelatedOnlyFieldListFilter),
        "created_at",
        ("revoked_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["name", "user__username"]
    fieldsets = [
        section(None, text("name"), link("user", "acts as")),
        section(
            None,
            moment("created_at", "made"),
            moment("last_used_at", "last used"),
            moment("expires_at", "expires"),
            moment("revoked_at", "revoked"),
        ),
    ]

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<int:token_id>/revoke/", revoke, name="api_token_revoke"), *super().get_urls()]

    def may_revoke(self, request: HttpRequest, token: Token) -> bool:
        return request.user.has_perm("api.change_token") or token.user_id == request.user.pk

    def revoke_view(self, request: HttpRequest, token_id: int) -> HttpResponse:
        """End a token now; a second time changes nothing. Its next use is refused."""
        token = Token.objects.filter(pk=token_id).first()
        if token is None:
            raise Http404
        if not self.may_revoke(request, token):
            raise PermissionDenied
        try:
            tokens.revoke(token.pk)
        except Invalid as refused:
            messages.info(request, refused.sentence)
        else:
            self.log_change(request, token, "Revoked.")
            messages.success(request, f"The token “{token.name}” works no more.")
        return redirect(admin_url(token) or "admin:index")

    def beside(self, request: HttpRequest, obj: Token) -> dict[str, Any]:
        return {"revocable": obj.revoked_at is None and self.may_revoke(request, obj)}


@admin.register(StartRequest)
class StartRequestAdmin(HistoryAdmin):
    """Which request started which task: an audit of repeated ones."""

    list_display = [text("key"), link("user", "by"), link("task"), moment("at", "when")]
    list_select_related = ["user", "task"]
    list_filter = ["at"]
    search_fields = ["=key", "=task__public_id", "user__username"]
    fieldsets = [
        section(
            None,
            text("key", limit=200),
            link("user", "by"),
            link("task"),
            moment("at", "when"),
            text("body_hash"),
        )
    ]

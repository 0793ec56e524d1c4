"""The admin's own pages: its index with what waits for the reader, the queue, and the one login of the desk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET

from approvals import queue
from tasks.models import Task, TaskStatus

SECTIONS = (
    "tasks",
    "approvals",
    "brakes",
    "tools",
    "store",
    "library",
    "outbox",
    "events",
    "roster",
    "auth",
    "api",
    "admin",
)
"""The order of the apps on the index; toolsets from elsewhere come after them."""
RECENT_FAILURES = 5


class DeskAdminSite(AdminSite):
    site_header = "AgentDesk"
    site_title = "AgentDesk admin"
    index_title = "What waits, and everything that happened"
    site_url = "/"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """django-q2's models never enter: their forms run any dotted path, and their pages unpickle what a table holds."""
        models = model_or_iterable if isinstance(model_or_iterable, Iterable) else [model_or_iterable]
        if ours := [model for model in models if model._meta.app_label != "django_q"]:  # noqa: SLF001 -- a model's options
            super().register(ours, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("approvals/queue/", self.admin_view(require_GET(self.queue_view)), name="approval_queue"),
            *super().get_urls(),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The desk's login is the only one; whoever is signed in and may not enter is told so instead of asked again."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        wanted = request.GET.get("next", "")
        safe = url_has_allowed_host_and_scheme(
            wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        )
        target = wanted if safe else reverse("admin:index")
        return redirect(target) if request.user.is_authenticated else redirect_to_login(target)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        assert isinstance(request.user, User)
        sees_tasks = request.user.has_perm("tasks.view_task")
        failures = (
            Task.objects.filter(status=TaskStatus.FAILED).select_related("customer").order_by("-finished_at")
        )
        context = {
            "waiting": queue.waiting_for(request.user) if self.may_see_queue(request) else None,
            "failures": failures[:RECENT_FAILURES] if sees_tasks else [],
        }
        return super().index(request, {**context, **(extra_context or {})})

    def may_see_queue(self, request: HttpRequest) -> bool:
        return any(
            request.user.has_perm(f"approvals.{right}")
            for right in ("view_approval", "decide_approval", "answer_question", "reconcile_effect")
        )

    def queue_view(self, request: HttpRequest) -> HttpResponse:
        """The queue of open approvals as the desk shows it; each opens its card inside the admin."""
        if not self.may_see_queue(request):
            raise PermissionDenied
        assert isinstance(request.user, User)
        context = {
            **self.each_context(request),
            "title": "Approvals waiting",
            "queue": queue.waiting_for(request.user),
            "in_admin": True,
        }
        return TemplateResponse(request, "admin/approvals/queue.html", context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        order = {label: index for index, label in enumerate(SECTIONS)}
        return sorted(
            super().get_app_list(request, app_label), key=lambda app: order.get(app["app_label"], len(order))
        )

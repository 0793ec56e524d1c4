"""The two kinds of records in the admin: history, which nobody changes, and what staff keep up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Paginator = Paginator[Any]
else:  # Django's classes take no type parameters at run time
    _ModelAdmin = admin.ModelAdmin
    _Paginator = Paginator

COUNT_LIMIT = 10_000


class CappedPaginator(_Paginator):
    """Counts up to 10,000 rows and then stops: a full count(*) is what a long table spends its time on.

    Pages beyond the limit do not exist; search and filters lead to older rows.
    """

    @cached_property
    def found(self) -> int:
        rows = self.object_list
        if isinstance(rows, models.QuerySet):
            return rows.order_by().values_list("pk")[: COUNT_LIMIT + 1].count()
        return len(rows)

    @cached_property
    def count(self) -> int:
        return min(self.found, COUNT_LIMIT)

    @property
    def capped(self) -> bool:
        """There are more rows than are counted."""
        return self.found > COUNT_LIMIT


class RecordAdmin(_ModelAdmin):
    """What every record's pages share: no bulk actions, no deleting, a capped count, a link to the desk."""

    actions = None
    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes records here, superusers included: what referred to them would lose its meaning."""
        return False

    def desk_url(self, obj: Any) -> str | None:
        """The record's page on the desk, where it has one."""
        return obj.get_absolute_url() if hasattr(obj, "get_absolute_url") else None

    def beside(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the record's own template shows besides its fields."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context = {**context, "desk_url": self.desk_url(obj), **self.beside(request, obj)}
        return super().render_change_form(request, context, add, change, form_url, obj)


class HistoryAdmin(RecordAdmin):
    """Strictly for reading: no add, change or delete for anyone, superusers included; a POST is answered 403."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

"""Users, groups and the admin's own log. Roles are handed out here; nobody gives themselves, or makes up, a right they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import link, moment, section, text
from agentdesk.core.text import visible

admin.site.unregister([User, Group])


@admin.display(description="how")
def how(entry: LogEntry) -> str:
    return visible(entry.get_change_message())


if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:  # Django's class takes no type parameter at run time
    _UserAdmin = UserAdmin

STANDING = ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
"""What a person may do; nobody changes it for themselves."""
SUPERUSERS_ONLY = ("is_superuser", "user_permissions")


def exceeds(other: User, editor: User) -> bool:
    """Whether `other` holds a right that `editor` lacks."""
    return not editor.is_superuser and (
        other.is_superuser or bool(other.get_all_permissions() - editor.get_all_permissions())
    )


@admin.register(User)
class PersonAdmin(_UserAdmin):
    """Accounts are switched off, not deleted: decisions and events keep naming the person.

    Roles are handed to others here, so a new account can be given more than its maker has; the admin log says who did.
    """

    actions = None
    list_display = ["username", "first_name", "last_name", "email", "roles", "is_active", "last_login"]
    list_filter = ["groups", "is_active", "is_superuser"]
    filter_horizontal = ["user_permissions"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        names = sorted(group.name for group in user.groups.all())
        return ", ".join([*names, *(["superuser"] if user.is_superuser else [])]) or "none"

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Only superusers change superusers; that includes their passwords."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fixed = ["last_login", "date_joined"]
        if obj is not None and obj.pk == request.user.pk:
            return [*fixed, *STANDING]
        return fixed if request.user.is_superuser else [*fixed, *SUPERUSERS_ONLY]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who may not set the password sees nothing of it, not even the form of its hash."""
        shown = super().get_fieldsets(request, obj)
        if obj is None or self.may_set_password(request, obj):
            return shown
        return [
            (title, {**options, "fields": [field for field in options["fields"] if field != "password"]})
            for title, options in shown
        ]

    def may_set_password(self, request: HttpRequest, person: User) -> bool:
        """It lets one act and sign as that person, so it takes having all their rights."""
        assert isinstance(request.user, User)
        return self.has_change_permission(request, person) and (
            person == request.user or not exceeds(person, request.user)
        )

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002 -- Django's signature
        person = self.get_object(request, id)
        if person is not None and not self.may_set_password(request, person):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """Groups are roles; the policy names them, so a name stays. Nobody edits a group they are in."""

    actions = None
    list_display = ["name", "people"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(member_count=Count("user"))

    @admin.display(description="people")
    def people(self, group: Group) -> int:
        count: int = group.member_count  # type: ignore[attr-defined]  # from get_queryset
        return count

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Not one's own group, and not one with rights that the editor lacks: saving it would take those away."""
        if obj is None or not super().has_change_permission(request, obj):
            return super().has_change_permission(request, obj)
        assert isinstance(request.user, User)
        if request.user.groups.filter(pk=obj.pk).exists():
            return False
        return request.user.is_superuser or not obj.permissions.exclude(pk__in=_held(request.user)).exists()

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        return ["name"] if obj else []

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        """Who is no superuser hands on only rights they have."""
        if db_field.name == "permissions" and request is not None and not request.user.is_superuser:
            assert isinstance(request.user, User)
            kwargs["queryset"] = Permission.objects.filter(pk__in=_held(request.user))
        return super().formfield_for_manytomany(db_field, request, **kwargs)


def _held(user: User) -> QuerySet[Permission, Any]:
    return Permission.objects.filter(Q(group__user=user) | Q(user=user)).order_by().values("pk")


@admin.register(LogEntry)
class LogEntryAdmin(HistoryAdmin):
    """What was edited in the admin: who sees the accounts sees this too."""

    list_display = [
        moment("action_time", "when"),
        link("user", "who"),
        "content_type",
        text("object_repr", "what"),
        how,
    ]
    list_select_related = ["user", "content_type"]
    list_filter = ["action_flag", ("user", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["object_repr", "change_message", "user__username"]
    date_hierarchy = "action_time"
    fieldsets = [
        section(
            None,
            moment("action_time", "when"),
            link("user", "who"),
            "content_type",
            text("object_repr", "what"),
            how,
        )
    ]

    def has_view_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        return request.user.has_perm("auth.view_user")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

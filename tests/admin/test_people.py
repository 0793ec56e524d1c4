"""Admins hand out roles; nobody gives themselves a right they lack, and nobody becomes a superuser here."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User

from tests.admin.conftest import Enter
from tests.factories import person, role


def form(user: User, **changes: Any) -> dict[str, Any]:
    return {
        "username": user.username,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_active": "on",
        "is_staff": "on",
        "groups": [group.pk for group in user.groups.all()],
        **changes,
    }


def page(thing: User | Group, *more: str) -> str:
    kind = "user" if isinstance(thing, User) else "group"
    return f"/admin/auth/{kind}/{thing.pk}/" + ("/".join(more) + "/" if more else "change/")


def test_an_admin_gives_somebody_a_role(adam: User, vera: User, enter: Enter) -> None:
    answer = enter(adam).post(page(vera), form(vera, groups=[role("agent").pk]))

    assert answer.status_code == 302
    assert [group.name for group in vera.groups.all()] == ["agent"]
    assert LogEntry.objects.get().user == adam, "who did it is on record"


def test_an_admin_cannot_change_their_own_standing(adam: User, enter: Enter) -> None:
    decide = Permission.objects.get(codename="decide_approval")

    enter(adam).post(
        page(adam),
        form(
            adam, first_name="Adam", groups=[role("lead").pk], is_superuser="on", user_permissions=[decide.pk]
        ),
    )

    adam = User.objects.get(pk=adam.pk)
    assert adam.first_name == "Adam", "the rest of the form was taken"
    assert [group.name for group in adam.groups.all()] == ["admin"]
    assert not adam.is_superuser
    assert not adam.has_perm("approvals.decide_approval")


def test_an_admin_makes_nobody_a_superuser_and_gives_no_single_permissions(
    adam: User, vera: User, enter: Enter
) -> None:
    decide = Permission.objects.get(codename="decide_approval")

    enter(adam).post(page(vera), form(vera, is_superuser="on", user_permissions=[decide.pk]))

    vera.refresh_from_db()
    assert not vera.is_superuser
    assert not vera.user_permissions.exists()


def test_a_new_account_is_nothing_yet(adam: User, enter: Enter) -> None:
    password = "long enough 4 all"
    enter(adam).post(
        "/admin/auth/user/add/",
        {
            "username": "new",
            "usable_password": "true",
            "password1": password,
            "password2": password,
            "is_superuser": "on",
            "is_staff": "on",
        },
    )

    new = User.objects.get(username="new")
    assert not new.is_superuser
    assert not new.is_staff


def test_an_admin_cannot_touch_a_superuser(adam: User, root: User, enter: Enter) -> None:
    client = enter(adam)
    password = root.password

    assert client.post(page(root), form(root, is_active="")).status_code == 403
    assert (
        client.post(
            page(root, "password"), {"password1": "x y z long 1", "password2": "x y z long 1"}
        ).status_code
        == 403
    )
    root.refresh_from_db()
    assert (root.is_active, root.password) == (True, password)


def test_an_admin_sets_no_password_of_somebody_who_may_more(
    adam: User, vera: User, lena: User, enter: Enter
) -> None:
    client, new = (
        enter(adam),
        {"usable_password": "true", "password1": "x y z long 1", "password2": "x y z long 1"},
    )

    assert client.post(page(lena, "password"), new).status_code == 403, "lena signs; adam would sign as her"
    assert "Reset password" not in client.get(page(lena)).content.decode()
    assert client.post(page(vera, "password"), new).status_code == 302
    assert not User.objects.get(pk=lena.pk).check_password("x y z long 1")
    assert User.objects.get(pk=vera.pk).check_password("x y z long 1")


def test_nobody_edits_a_group_they_are_in(adam: User, root: User, enter: Enter) -> None:
    group, decide = role("admin"), Permission.objects.get(codename="decide_approval")
    root.groups.add(group)

    for user in (adam, root):
        assert enter(user).post(page(group), {"permissions": [decide.pk]}).status_code == 403
    assert not group.permissions.filter(pk=decide.pk).exists()


def test_an_admin_makes_up_no_right_that_they_lack(adam: User, enter: Enter) -> None:
    decide = Permission.objects.get(codename="decide_approval")
    view = Permission.objects.get(codename="view_task", content_type__app_label="tasks")
    client = enter(adam)

    refused = client.post("/admin/auth/group/add/", {"name": "friends", "permissions": [decide.pk]})
    taken = client.post("/admin/auth/group/add/", {"name": "readers", "permissions": [view.pk]})

    assert refused.status_code == 200
    assert taken.status_code == 302
    assert [group.name for group in Group.objects.filter(name__in=["friends", "readers"])] == ["readers"]
    assert client.post(page(role("lead")), {"permissions": [view.pk]}).status_code == 403, (
        "saving it would take rights away"
    )


def test_a_group_keeps_its_name(root: User, enter: Enter) -> None:
    group = role("finance")
    rights = [right.pk for right in group.permissions.all()]

    enter(root).post(page(group), {"name": "money", "permissions": rights})

    group.refresh_from_db()
    assert group.name == "finance", "the policy names it"


@pytest.mark.parametrize("kind", ["user", "group"])
def test_accounts_and_groups_are_not_deleted(kind: str, root: User, enter: Enter) -> None:
    thing: User | Group = person("gone", "viewer") if kind == "user" else role("viewer")

    assert enter(root).post(page(thing, "delete"), {"post": "yes"}).status_code == 403
    enter(root).post(
        f"/admin/auth/{kind}/", {"action": "delete_selected", "_selected_action": [thing.pk], "post": "yes"}
    )
    assert type(thing)._default_manager.filter(pk=thing.pk).exists()


def test_an_auditor_sees_accounts_without_passwords(audrey: User, lena: User, enter: Enter) -> None:
    html = enter(audrey).get(page(lena)).content.decode()

    assert "lena" in html
    assert "md5" not in html
    assert lena.password not in html
    assert enter(audrey).post(page(lena), form(lena)).status_code == 403

"""One account a role, with a known password: made on a demo desk only."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

ACCOUNTS = {
    "viewer": ("Vera", "Vogt"),
    "agent": ("Ada", "Aguilar"),
    "lead": ("Lena", "Larsson"),
    "finance": ("Finn", "Fischer"),
    "auditor": ("Audrey", "Adler"),
    "admin": ("Adam", "Abara"),
}
"""User name, which is the role, and the person behind it. All but the viewer may enter the admin."""


def make_accounts() -> list[str]:
    """Make the missing ones and return their names; none unless the desk is a demo."""
    if not settings.DEMO:
        return []
    present = set(User.objects.filter(username__in=ACCOUNTS).values_list("username", flat=True))
    missing = [role for role in ACCOUNTS if role not in present]
    password = make_password(settings.DEMO_PASSWORD) if missing else ""
    for role in missing:
        first, last = ACCOUNTS[role]
        with transaction.atomic():
            user = User.objects.create(
                username=role,
                password=password,
                first_name=first,
                last_name=last,
                email=f"{role}@desk.example",
                is_staff=role != "viewer",
            )
            user.groups.add(Group.objects.get(name=role))
    return missing

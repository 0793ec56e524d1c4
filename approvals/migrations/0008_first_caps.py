"""The first caps, who may edit them and let calls over them, and the amounts of calls that were signed before."""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery

HISTORY = [("cap", "view_cap"), ("capversion", "view_capversion"), ("exemption", "view_exemption")]
OVER = [("exemption", "extend_limit")]
RIGHTS = {
    "lead": HISTORY,
    "finance": HISTORY + OVER,
    "auditor": HISTORY,
    "admin": HISTORY + OVER + [("cap", "add_cap"), ("cap", "change_cap")],
}
REFUNDS = ["issue_refund", "refund_duplicate_charge"]
CAPS = {
    "Refunds of an order": {"per": "order", "window_hours": None, "max_count": 3},
    "Refunds to a customer": {"per": "customer", "window_hours": 30 * 24, "max_count": 5},
    "Refunds signed by one person": {"per": "approver", "window_hours": 24, "max_count": 100},
    **{
        f"Refunds of the desk in {currency}": {
            "per": "desk",
            "window_hours": 1,
            "currency": currency,
            "max_count": 200,
            "max_sum_minor": 2_000_000,
            "on_reach": "brake",
        }
        for currency in ("USD", "EUR", "GBP")
    },
}


def give_rights(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    for role, rights in RIGHTS.items():
        group = Group.objects.filter(name=role).first()
        if group is None:
            continue  # the desk does without this role
        for model, codename in rights:
            kind, _ = ContentType.objects.get_or_create(app_label="approvals", model=model)
            right, _ = Permission.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": "Can " + codename.replace("_", " ")}
            )
            group.permissions.add(right)


def set_caps(apps, schema_editor):
    Cap, CapVersion = apps.get_model("approvals", "Cap"), apps.get_model("approvals", "CapVersion")
    for name, says in CAPS.items():
        cap = Cap.objects.create(name=name)
        cap.current = CapVersion.objects.create(
            cap=cap, number=1, tools=REFUNDS, reason="The desk's first caps", **says
        )
        cap.save()


def note_amounts(apps, schema_editor):
    """Refunds from before caps count too."""
    Approval, ToolCall = apps.get_model("approvals", "Approval"), apps.get_model("tools", "ToolCall")
    signed = Approval.objects.filter(tool_call=OuterRef("pk"), status="approved", amount_minor__isnull=False)
    calls = ToolCall.objects.filter(
        status="done", amount_minor__isnull=True, pk__in=Approval.objects.filter(
            status="approved", amount_minor__isnull=False
        ).values("tool_call")
    )
    calls.update(
        amount_minor=Subquery(signed.values("amount_minor")[:1]),
        currency=Subquery(signed.values("currency")[:1]),
        subject=Subquery(signed.values("subject")[:1]),
    )
    for call in ToolCall.objects.filter(refund__isnull=False, customer__isnull=True).annotate(
        whose=F("refund__order__customer")
    ):
        ToolCall.objects.filter(pk=call.pk).update(customer=call.whose)


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0007_caps"),
        ("store", "0001_initial"),
        ("tools", "0005_customer_and_sums_of_sensitive_calls"),
    ]
    operations = [
        migrations.RunPython(give_rights, migrations.RunPython.noop),
        migrations.RunPython(set_caps, migrations.RunPython.noop),
        migrations.RunPython(note_amounts, migrations.RunPython.noop),
    ]

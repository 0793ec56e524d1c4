"""Finance finds out what became of effects outside; whoever reads tool calls reads their attempts too."""

from django.db import migrations

READERS = ("agent", "lead", "finance", "auditor", "admin")


def give_rights(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")

    def right(app, model, codename, name):
        kind, _ = ContentType.objects.get_or_create(app_label=app, model=model)
        found, _ = Permission.objects.get_or_create(content_type=kind, codename=codename, defaults={"name": name})
        return found

    reconcile = right(
        "approvals", "approval", "reconcile_effect", "Can find out whether something happened outside, and say so"
    )
    view = right("tools", "attempt", "view_attempt", "Can view attempt")
    for group in Group.objects.filter(name="finance"):
        group.permissions.add(reconcile)
    for group in Group.objects.filter(name__in=READERS):
        group.permissions.add(view)


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0004_reconciliation"),
        ("tools", "0003_attempts_and_requests"),
    ]
    operations = [migrations.RunPython(give_rights, migrations.RunPython.noop)]

"""Who sees which worker processes there are."""

from django.db import migrations

ROLES = ("lead", "finance", "auditor", "admin")


def give_rights(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    kind, _ = ContentType.objects.get_or_create(app_label="tasks", model="workerprocess")
    right, _ = Permission.objects.get_or_create(
        content_type=kind, codename="view_workerprocess", defaults={"name": "Can view worker process"}
    )
    for role in ROLES:
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0008_first_caps"), ("tasks", "0005_workers_and_lost_claims")]
    operations = [migrations.RunPython(give_rights, migrations.RunPython.noop)]

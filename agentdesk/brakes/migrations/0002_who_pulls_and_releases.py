"""Leads, finance and admins pull brakes; finance and admins release them; whoever sees the history sees them."""

from django.db import migrations

RIGHTS = {
    "lead": ["view_brake", "pull_brake"],
    "finance": ["view_brake", "pull_brake", "release_brake"],
    "auditor": ["view_brake"],
    "admin": ["view_brake", "pull_brake", "release_brake"],
}


def give_rights(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    kind, _ = ContentType.objects.get_or_create(app_label="brakes", model="brake")
    for role, codenames in RIGHTS.items():
        group = Group.objects.filter(name=role).first()
        if group is None:
            continue  # the desk does without this role
        for codename in codenames:
            right, _ = Permission.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": "Can " + codename.replace("_", " ")}
            )
            group.permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [
        ("brakes", "0001_first"),
        ("approvals", "0002_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(give_rights, migrations.RunPython.noop)]

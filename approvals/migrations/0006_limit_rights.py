"""Who extends limits, who sees what agents use, and who keeps the prices of models."""

from django.db import migrations

EXTEND = ("tasks", "task", "extend_limit")
SEE = [("tasks", "usage", "view_usage"), ("roster", "modelprice", "view_modelprice")]
RIGHTS = {
    "lead": [EXTEND, *SEE],
    "finance": [EXTEND, *SEE],
    "auditor": SEE,
    "admin": [
        EXTEND,
        *SEE,
        ("roster", "modelprice", "add_modelprice"),
        ("roster", "modelprice", "change_modelprice"),
    ],
}


def give_rights(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    for role, rights in RIGHTS.items():
        group, _ = Group.objects.get_or_create(name=role)
        for app, model, codename in rights:
            kind, _ = ContentType.objects.get_or_create(app_label=app, model=model)
            right, _ = Permission.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": "Can " + codename.replace("_", " ")}
            )
            group.permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0005_reconciling_role"),
        ("roster", "0002_delegation_origin_usage"),
        ("tasks", "0003_limits_extended_cached_tokens"),
    ]
    operations = [migrations.RunPython(give_rights, migrations.RunPython.noop)]

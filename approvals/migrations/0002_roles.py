"""The roles: groups with permissions. Being in a group is what entitles; being a superuser is not."""

from django.db import migrations

HISTORY = {
    "events": ["event"],
    "roster": ["agent", "agentversion"],
    "tasks": ["customer", "ticket", "task", "todo", "turn"],
    "tools": ["toolcall"],
    "store": ["order", "orderline", "charge", "refund"],
    "library": ["runbook", "document"],
    "outbox": ["outgoingmessage"],
    "approvals": ["approval", "decision", "policy", "policyversion"],
}
DESK = [("tasks", "task", "view_desk")]
WORK = [("tasks", "task", "start_task"), ("tasks", "task", "cancel_task"), ("tasks", "task", "use_api"), ("approvals", "approval", "answer_question")]
CASES = [
    ("tasks", model, f"view_{model}") for model in ("customer", "ticket", "task", "todo", "turn")
] + [("store", model, f"view_{model}") for model in ("order", "orderline", "charge", "refund")] + [
    ("tools", "toolcall", "view_toolcall"), ("library", "document", "view_document"), ("library", "runbook", "view_runbook"), ("outbox", "outgoingmessage", "view_outgoingmessage"),
    ("approvals", "approval", "view_approval"), ("approvals", "decision", "view_decision"), ("events", "event", "view_event"),
]
EVERYTHING = [(app, model, f"view_{model}") for app, models in HISTORY.items() for model in models]
EDIT = [
    (app, model, f"{verb}_{model}")
    for app, model in [("roster", "agent"), ("approvals", "policy"), ("tasks", "customer"), ("library", "runbook"), ("auth", "user"), ("auth", "group"), ("api", "token")]
    for verb in ("view", "add", "change")
]
ROLES = {
    "viewer": DESK,
    "agent": DESK + WORK + CASES,
    "lead": DESK + WORK + EVERYTHING + [("approvals", "approval", "decide_approval")],
    "finance": DESK + EVERYTHING + [("approvals", "approval", "decide_approval"), ("approvals", "approval", "answer_question"), ("tasks", "task", "use_api")],
    "auditor": DESK + EVERYTHING + [("tasks", "task", "use_api"), ("api", "token", "view_token"), ("api", "startrequest", "view_startrequest"), ("auth", "user", "view_user"), ("auth", "group", "view_group")],
    "admin": DESK + EVERYTHING + EDIT + [("api", "startrequest", "view_startrequest"), ("tasks", "task", "start_task"), ("tasks", "task", "cancel_task"), ("tasks", "task", "use_api")],
}


def make_roles(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    for role, rights in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for app, model, codename in rights:
            kind, _ = ContentType.objects.get_or_create(app_label=app, model=model)
            # the name is set by Django's own create_permissions only for new rows, so give it one that reads well
            right, _ = Permission.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": "Can " + codename.replace("_", " ")}
            )
            group.permissions.add(right)


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0001_initial"),
        ("api", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("events", "0001_initial"),
        ("library", "0001_initial"),
        ("outbox", "0001_initial"),
        ("roster", "0001_initial"),
        ("store", "0001_initial"),
        ("tasks", "0001_initial"),
        ("tools", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]

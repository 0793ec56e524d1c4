"""The first policy: every refund asks; who signs grows with the amount."""

from django.db import migrations

BANDS = [
    {"up_to": 25_000, "groups": ["lead", "finance"], "signatures": 1, "of_whom": None},
    {"up_to": 100_000, "groups": ["finance"], "signatures": 1, "of_whom": None},
    {"up_to": None, "groups": ["lead", "finance"], "signatures": 2, "of_whom": "finance"},
]
RULES = {
    "rules": [
        {"name": name, "tool": tool, "currency": currency, "ask_from": 0, "bands": BANDS, "expires_after_hours": 72}
        for name, tool in [("Refunds", "issue_refund"), ("Refunds of duplicate charges", "refund_duplicate_charge")]
        for currency in ("USD", "EUR", "GBP")
    ]
}


def publish(apps, schema_editor):
    policy, _ = apps.get_model("approvals", "Policy").objects.get_or_create(name="desk")
    version = apps.get_model("approvals", "PolicyVersion").objects.create(
        policy=policy, number=1, rules=RULES, reason="The desk's first policy"
    )
    policy.current = version
    policy.save()


class Migration(migrations.Migration):
    dependencies = [("approvals", "0002_roles")]
    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]

"""Prices of well-known models, as their maker's list said in late 2025. They change: check them in the admin."""

from django.db import migrations

A_DOLLAR = 1_000_000
PRICES = {
    # a million tokens, in US dollars: input, input that was cached, output
    "gpt-5.2": (1.75, 0.175, 14),
    "gpt-5.1": (1.25, 0.125, 10),
    "gpt-5": (1.25, 0.125, 10),
    "gpt-5-mini": (0.25, 0.025, 2),
    "gpt-5-nano": (0.05, 0.005, 0.4),
    "gpt-4.1": (2, 0.5, 8),
    "gpt-4.1-mini": (0.4, 0.1, 1.6),
    "gpt-4.1-nano": (0.1, 0.025, 0.4),
    "gpt-4o": (2.5, 1.25, 10),
    "gpt-4o-mini": (0.15, 0.075, 0.6),
    "o3": (2, 0.5, 8),
    "o4-mini": (1.1, 0.275, 4.4),
}


def write_prices(apps, schema_editor):
    ModelPrice = apps.get_model("roster", "ModelPrice")
    for model, (whole, cached, output) in PRICES.items():
        ModelPrice.objects.get_or_create(
            model=model,
            defaults={
                "input_micros": round(whole * A_DOLLAR),
                "cached_input_micros": round(cached * A_DOLLAR),
                "output_micros": round(output * A_DOLLAR),
            },
        )


class Migration(migrations.Migration):
    dependencies = [("roster", "0002_delegation_origin_usage")]
    operations = [migrations.RunPython(write_prices, migrations.RunPython.noop)]

"""Who asks."""

from __future__ import annotations

from django.db import models

LONGEST_NAME = 254
"""Characters of the longest thing a customer can be named by, the e-mail address."""


class CustomerQuerySet(models.QuerySet["Customer"]):
    def named(self, text: str) -> CustomerQuerySet:
        """Customers whose number, e-mail address or full name is exactly `text`, whatever its case."""
        wanted = text.strip()
        if len(wanted) > LONGEST_NAME:  # SQLite refuses to compare with more than 50,000 characters
            return self.none()
        return self.filter(
            models.Q(number__iexact=wanted) | models.Q(email__iexact=wanted) | models.Q(name__iexact=wanted)
        )


class Customer(models.Model):
    number = models.CharField(max_length=20, unique=True, help_text="For example C-1007")
    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True)
    tier = models.CharField(
        max_length=20, default="standard", help_text="For example standard, plus, business"
    )
    since = models.DateField()
    notes = models.TextField(blank=True, max_length=5_000, help_text="For staff; the agent reads them too")

    objects = CustomerQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        indexes = [models.Index(fields=["name"], name="customer_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    def is_named(self, text: str) -> bool:
        """Whether `CustomerQuerySet.named` would find this customer by `text`."""
        return text.strip().casefold() in {
            self.number.casefold(),
            self.email.casefold(),
            self.name.casefold(),
        }

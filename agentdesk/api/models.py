"""Bearer tokens (a program acts with exactly the rights of the token's owner) and requests that may be sent twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class TokenQuerySet(models.QuerySet["Token"]):
    def valid(self) -> TokenQuerySet:
        """Neither revoked nor expired, of an active user; with the user."""
        return self.filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=Now()),
            revoked_at__isnull=True,
            user__is_active=True,
        ).select_related("user")


class Token(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80, help_text="What it is for")
    digest = models.CharField(
        max_length=64,
        unique=True,
        editable=False,
        help_text="SHA-256; the token itself is shown once and not kept",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class StartRequest(models.Model):
    """A request with an Idempotency-Key: sent again, it finds the task that it started."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    task = models.ForeignKey("tasks.Task", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="start_request_key_once_per_user")
        ]

    def __str__(self) -> str:
        return self.key

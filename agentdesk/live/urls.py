"""Health for supervisors and load balancers."""

from __future__ import annotations

from django.urls import path

from agentdesk.live.health import healthz, readyz

urlpatterns = [path("healthz", healthz, name="healthz"), path("readyz", readyz, name="readyz")]

"""Time as the database tells it, so that workers with wrong clocks agree about leases and expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.dateparse import parse_datetime


def from_now(delta: timedelta) -> Combinable:
    """An expression for an UPDATE: the database's present time plus `delta`."""
    return ExpressionWrapper(Now() + delta, output_field=DateTimeField())


def database_now() -> datetime:
    """The database's present time, in UTC; one tiny query."""
    sql = (
        "SELECT clock_timestamp()"
        if connection.vendor == "postgresql"
        else "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (value,) = cursor.fetchone()
    moment = value if isinstance(value, datetime) else parse_datetime(value)
    assert moment is not None
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=UTC)

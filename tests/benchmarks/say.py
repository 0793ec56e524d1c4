"""How a benchmark says what it measured: one JSON object a line."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence


def say(name: str, value: float, unit: str, note: str = "") -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "note": note}), flush=True)


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]

"""From a decision posted over HTTP to the refund that another process committed.

python -m tests.benchmarks.decide_to_effect [DECISIONS]
"""

from __future__ import annotations

import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402 -- Django first

from approvals.models import Approval  # noqa: E402
from tasks.models import Task, TaskStatus  # noqa: E402
from tests.benchmarks.running import Browser, until, web, workers  # noqa: E402
from tests.benchmarks.say import percentile, say  # noqa: E402
from tests.factories import person  # noqa: E402
from tests.scripted import tell  # noqa: E402
from tools.store.models import Refund  # noqa: E402

WARM_UP = 3


def main(decisions: int) -> None:
    call_command("migrate", verbosity=0)
    lead = person("lena", "lead")
    for _ in range(decisions + WARM_UP):
        tell()
    delays: list[float] = []
    with web() as port, workers():
        until(lambda: Approval.objects.open().count() == decisions + WARM_UP, seconds=240)
        browser = Browser(port, lead)
        for approval in list(Approval.objects.open().order_by("id")):
            started = time.perf_counter()
            browser.approve(approval)
            until(
                lambda: Refund.objects.filter(tool_call=approval.tool_call_id).exists(),
                seconds=30,
                every=0.001,
            )
            delays.append((time.perf_counter() - started) * 1000)
            until(
                lambda: Task.objects.filter(pk=approval.task_id, status=TaskStatus.DONE).exists(), seconds=60
            )
    warm = delays[WARM_UP:]
    note = f"{len(warm)} decisions, one after the other, most {max(warm):.0f} ms"
    say("decide_to_effect_p50_ms", percentile(warm, 50), "ms", note)
    say("decide_to_effect_p99_ms", percentile(warm, 99), "ms", note)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)

"""The payment provider as a process of its own, on a free port, with its book in a folder that goes with it."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from tests.crash.running import ROOT


class Provider:
    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="agentdesk-provider-")
        self.book = Path(self._folder.name) / "book.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.payments.server", "--port", "0", "--book", str(self.book)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 -- no thread has been started yet
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    @property
    def variables(self) -> dict[str, str]:
        """What leads the product to it."""
        return {
            "AGENTDESK_PAYMENTS": "stripe",
            "AGENTDESK_STRIPE_URL": self.url,
            "AGENTDESK_PAYMENT_TIMEOUT": "5",
            "STRIPE_API_KEY": "sk_test_crash",
        }

    def tell(self, **faults: Any) -> None:
        """Faults to come, as `tests.payments.faults` names them."""
        body = json.dumps(faults).encode()
        urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/_faults", body, method="POST"), timeout=5
        ).close()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _end_with_parent() -> None:
    """On Linux: a lane that is killed leaves no provider behind."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)

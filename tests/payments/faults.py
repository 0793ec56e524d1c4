"""What goes wrong at the pretended provider, told beforehand: by key, in order, or by chance with a seed."""

from __future__ import annotations

import random
import threading
from typing import Any

FAULTS = (
    "ok",
    "timeout_before",  # no answer, nothing moved
    "timeout_after",  # the money moved, no answer
    "cut_before",  # the connection is cut, nothing moved
    "cut_after",  # the money moved, the connection is cut before the answer
    "409",  # another request under this key is being served
    "429",  # too many requests
    "500_before",  # failed before the endpoint began: the key remembers nothing
    "500_kept",  # failed in the endpoint, nothing moved: the key repeats the 500, as Stripe does
    "500_after",  # the money moved, then it failed: the key repeats the 500
    "slow",  # served late, whether or not anybody still listens; 409 meanwhile
)
READ_FAULTS = ("ok", "timeout_before", "cut_before", "429", "500_before", "slow")


class Faults:
    """Told as JSON, at the start or by `POST /_faults`; each telling replaces the one before:

        {"keys": {"call_…": ["timeout_after", "409"]},   for one key, one request after the other
         "next": ["500_after"],                          for the requests to come, whatever their key
         "probability": {"timeout_after": 0.1}, "seed": 7,
         "reads": ["500_before"],                        for the questions to come
         "seconds": 30}                                  how long `timeout` and `slow` take

    A chance is drawn from the seed, the key and the number of the request under that key, so a run can be repeated.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self._lock = threading.Lock()
        self._requests: dict[str, int] = {}
        self.tell(told)

    def tell(self, told: dict[str, Any]) -> None:
        """Raises ValueError when a fault is not known."""
        keys = {key: list(faults) for key, faults in told.get("keys", {}).items()}
        coming, reads = list(told.get("next", [])), list(told.get("reads", []))
        probability = dict(told.get("probability", {}))
        named = {*coming, *probability, *(fault for faults in keys.values() for fault in faults)}
        unknown = [*sorted(named - set(FAULTS)), *sorted(set(reads) - set(READ_FAULTS))]
        if unknown:
            raise ValueError(
                f"There is no fault called {', '.join(unknown)}. There are: {', '.join(FAULTS)}."
            )
        with self._lock:
            self._keys, self._coming, self._reads, self._probability = keys, coming, reads, probability
            self._seed = told.get("seed", 0)
            self.seconds = float(told.get("seconds", 30))

    def for_write(self, key: str) -> str:
        with self._lock:
            number = self._requests[key] = self._requests.get(key, 0) + 1
            for queue in (self._keys.get(key, []), self._coming):
                if queue:
                    return str(queue.pop(0))
            draw = random.Random(f"{self._seed}:{key}:{number}").random()
            for fault, share in self._probability.items():
                draw -= share
                if draw < 0:
                    return str(fault)
            return "ok"

    def for_read(self) -> str:
        with self._lock:
            return str(self._reads.pop(0)) if self._reads else "ok"

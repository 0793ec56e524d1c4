"""What kind of case a message is about: word groups scored with care for negation and typing errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from agentdesk.runtime.offline.word_groups import GROUPS, Kind

GRAVE = (Kind.PRIVACY, Kind.FRAUD, Kind.CHARGEBACK)
"""Always a person's: they win over everything else that a message also says."""

_COMPILED = {
    kind: [(re.compile(pattern), weight) for pattern, weight in groups] for kind, groups in GROUPS.items()
}
_NEGATED = re.compile(
    r"\b(?:not|never|isnt|wasnt|arent|werent|without|no longer|nor|dont want to|do not want to|no need to)\s+(?:\w+\s+){0,2}$"
)
_NEGATION_IS_MEANT = {Kind.MISSING, Kind.RETURN, Kind.FRAUD, Kind.GENERAL, Kind.COMPLAINT, Kind.WISH}
_SUBJECT_WEIGHT = 0.7  # people put what they want into the subject
_ENOUGH = 2.5
_GRAVE_ENOUGH = 4.0
_MOST_LENGTHS_APART = 2
_CONCRETE = (Kind.DUPLICATE, Kind.DAMAGED, Kind.WRONG, Kind.LATE, Kind.MISSING, Kind.CANCEL, Kind.RETURN)

_VOCABULARY = frozenset({"charged", "charges", "twice", "double", "duplicate", "payment", "statement", "broken", "cracked", "damaged", "shattered", "scratched", "arrived", "received", "delivered", "delivery", "parcel", "package", "delayed", "cancel", "cancelled", "subscription", "monthly", "refund", "return", "returned", "missing", "wrong", "ordered", "shipped", "discount", "account", "password", "defective"})  # fmt: skip
_REAL_WORDS = frozenset(
    [
        "change",
        "changed",
        "changes",
        "charge",
        "charger",
        "cracker",
        "orders",
        "shipping",
        "returns",
        "detective",
        "pavement",
    ]
)
"""Look like typing errors of the vocabulary and are none."""
_WORD = re.compile(r"[a-z]{5,14}")


@dataclass(frozen=True, slots=True)
class Reading:
    kind: Kind
    confidence: float
    """0 to 1: how far ahead of the second-best reading."""
    runner_up: Kind | None


def plain(text: str) -> str:
    """Lower case, one kind of apostrophe-less contraction, typing errors of key words put right."""
    lowered = text.lower().replace("’", "'").replace("`", "'")
    lowered = re.sub(r"(?<=[a-z])'(?=(?:t|s|re|ve|m|ll|d)\b)", "", lowered)
    lowered = re.sub(r"[ \t]+", " ", lowered)
    return _WORD.sub(lambda match: _corrected(match.group()), lowered)


@lru_cache(maxsize=20_000)
def _corrected(word: str) -> str:
    if word in _VOCABULARY or word in _REAL_WORDS:
        return word
    best, score = word, 0.83
    for known in _VOCABULARY:
        if (
            word[0] != known[0]
            or abs(len(word) - len(known)) > _MOST_LENGTHS_APART
            or word.startswith(known)
            or known.startswith(word)
        ):
            continue
        ratio = max(SequenceMatcher(None, word, known).ratio(), 0.9 if sorted(word) == sorted(known) else 0.0)
        if ratio > score:
            best, score = known, ratio
    return best


def scores(text: str) -> dict[Kind, float]:
    said = plain(text)
    result = dict.fromkeys(_COMPILED, 0.0)
    for kind, groups in _COMPILED.items():
        for pattern, weight in groups:
            found = 0
            for match in pattern.finditer(said):
                if kind not in _NEGATION_IS_MEANT and _NEGATED.search(
                    said[max(0, match.start() - 40) : match.start()]
                ):
                    continue
                found += 1
                if found >= (3 if kind is Kind.COMPLAINT else 1):
                    break
            result[kind] += weight * found
    return result


@lru_cache(maxsize=512)
def classify(subject: str, body: str) -> Reading:
    """The kind of case; UNCLEAR when nothing is said clearly enough."""
    total = {
        kind: score + _SUBJECT_WEIGHT * scores(subject)[kind]
        for kind, score in scores(f"{subject}\n{body}").items()
    }
    for grave in GRAVE:
        if total[grave] >= _GRAVE_ENOUGH:
            return Reading(grave, 1.0, None)
    _settle(total)
    ranked = sorted(total.items(), key=lambda pair: -pair[1])
    (best, high), (second, low) = ranked[0], ranked[1]
    if high < _ENOUGH:
        return Reading(Kind.UNCLEAR, 0.0, best if high > 0 else None)
    return Reading(best, round((high - low) / high, 2), second if low > 0 else None)


_OUTDONE: tuple[tuple[Kind, float, tuple[Kind, ...], float], ...] = (
    (Kind.DUPLICATE, 4, (Kind.CANCEL, Kind.RETURN, Kind.MISSING, Kind.SUBSCRIPTION), 0.5),
    (Kind.DAMAGED, 4, (Kind.RETURN, Kind.MISSING, Kind.LATE, Kind.WISH), 0.5),
    (Kind.WRONG, 3.5, (Kind.RETURN, Kind.MISSING), 0.5),
    (Kind.SUBSCRIPTION, 4.5, (Kind.CANCEL,), 0.5),
    (Kind.CANCEL, 3, (Kind.RETURN,), 0.6),
    (Kind.CANCEL, 3, (Kind.LATE,), 0.8),
    (Kind.LATE, 4, (Kind.MISSING,), 0.7),
    (Kind.WISH, 3.5, (Kind.GENERAL,), 0.5),
)
"""Where readings share words, the more particular one, once it has so many points, takes this share from the others."""


def _settle(total: dict[Kind, float]) -> None:
    """Puts readings that share words in order; anger and questions step back behind what they are about."""
    if max(total[kind] for kind in _CONCRETE) >= _ENOUGH:
        total[Kind.COMPLAINT] = min(total[Kind.COMPLAINT], 2.0)
    particular = max(score for kind, score in total.items() if kind is not Kind.GENERAL)
    if particular >= _ENOUGH:
        total[Kind.GENERAL] = min(total[Kind.GENERAL], particular - 0.5)
    for winner, points, losers, factor in _OUTDONE:
        if total[winner] >= points:
            for loser in losers:
                total[loser] *= factor

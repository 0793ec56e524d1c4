"""The two hundred customers of the demo: forty with a story, the others just people."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from random import Random

from agentdesk.desk.demo.stories import STORIES
from agentdesk.desk.demo.story import Story

CUSTOMERS = 200
FIRST_NUMBER = 1001
_FIRST = (  # noqa: SIM905 -- words read better without a hundred quotation marks
    "Aaron Abigail Adriana Alice Amara Anders Anita Arthur Beatrice Benedikt Camille Carlos Clara Daniel Diana Edith Emil "
    "Esther Farid Felix Freya George Greta Harold Helena Hugo Ines Ivan Jacob Johanna Judith Karim Kira Laura Leon Lydia "
    "Magnus Maya Mehmet Nils Noor Oscar Paula Quentin Ravi Rosa Samuel Selma Simon Stella Theo Ursula Vera Wanda Xavier Yara"
).split()
_LAST = (  # noqa: SIM905 -- words read better without a hundred quotation marks
    "Abbott Ahmadi Andersen Barros Becker Berg Blake Bouchard Carver Chen Costa Dalton Eriksen Farrow Fischer Fontaine "
    "Garcia Grant Gruber Hansen Hayes Ibrahim Ivanova Jovanovic Kaya Keller Kowalska Larsen Lemaire Lopez Madsen Malik "
    "Mercer Moreau Murphy Nakamura Nilsen Novotny Olsen Ortega Patel Pereira Quinn Reyes Rossi Sandberg Schmidt Silva "
    "Tamm Torres Ueda Vance Virtanen Walsh Weiss Yilmaz Zhang Zimmer"
).split()
_CURRENCIES = ["USD"] * 16 + ["EUR"] * 2 + ["GBP", "SEK"]
_TIERS = ["standard"] * 7 + ["plus"] * 2 + ["business"]


@dataclass(frozen=True, slots=True)
class Person:
    number: str
    name: str
    currency: str
    tier: str
    since: int
    """Days ago."""
    notes: str
    story: Story | None

    @property
    def email(self) -> str:
        plain = unicodedata.normalize("NFKD", self.name.replace("ø", "o")).encode("ascii", "ignore").decode()
        return f"{'.'.join(plain.lower().split())}@customers.example"


def people(random: Random) -> list[Person]:
    """Two hundred with different names; those with a story are spread among the others."""
    told = [
        (story.customer, story.currency, story.tier, story.since, story.notes, story) for story in STORIES
    ]
    names = [f"{first} {last}" for first in _FIRST for last in _LAST]
    others = [
        (name, random.choice(_CURRENCIES), random.choice(_TIERS), random.randint(40, 1800), "", None)
        for name in random.sample(names, CUSTOMERS - len(told))
    ]
    everybody = [*told, *others]
    random.shuffle(everybody)
    return [Person(f"C-{number}", *person) for number, person in enumerate(everybody, start=FIRST_NUMBER)]

"""The forty tickets of the demo, in the order in which they come in."""

from agentdesk.desk.demo.stories.charges import CHARGES
from agentdesk.desk.demo.stories.parcels import PARCELS
from agentdesk.desk.demo.stories.wishes import WISHES
from agentdesk.desk.demo.story import Story


def _mixed() -> list[Story]:
    """The first stays first; the rest come as they come on a working day, not sorted by kind."""
    first, *charges = CHARGES
    rest = [*charges, *PARCELS, *WISHES]
    stride = 11  # shares no factor with 39, so it visits each once
    return [first, *(rest[index * stride % len(rest)] for index in range(len(rest)))]


STORIES = _mixed()

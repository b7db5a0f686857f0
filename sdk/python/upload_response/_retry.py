"""How a worker that lost its server looks for the next one."""

import random
from typing import Iterator

_FIRST_DELAY_MS = 50
_MAX_DELAY_MS = 2000


def delays_ms() -> Iterator[int]:
    """Growing pauses, spread so that the workers of a restarted server do not all come at once."""
    delay = _FIRST_DELAY_MS
    while True:
        yield round(delay * random.uniform(0.5, 1))
        delay = min(delay * 2, _MAX_DELAY_MS)

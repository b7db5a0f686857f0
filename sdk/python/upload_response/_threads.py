"""Waiting in a thread."""

import threading
from typing import Callable, TypeVar

R = TypeVar("R")
_SIGNAL_CHECK_MS = 100


def block_for(call: Callable[[int], R], nothing: R) -> R:
    """Repeats ``call(timeout_ms)`` until it returns something other than the object ``nothing``.

    Python runs signal handlers in the main thread, and not while that is inside of a C function: there
    the wait is made in pieces. The library looks at the clock as often by itself.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(-1)
    while True:
        result = call(_SIGNAL_CHECK_MS)
        if result is not nothing:
            return result


def block(call: Callable[[int], int], nothing: int) -> int:
    """The same for numbers."""
    if threading.current_thread() is not threading.main_thread():
        return call(-1)
    while True:
        result = call(_SIGNAL_CHECK_MS)
        if result != nothing:
            return result

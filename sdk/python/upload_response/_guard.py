"""A lock that finalizers can use."""

import threading
from collections import deque
from typing import Callable, Deque


class Guard:
    """A lock. What a finalizer wants to do under it is handed over with ``soon``: finalizers run in any
    thread at any moment, also in the one that holds the lock, so they must never wait for it. Who
    holds the lock does it while letting go."""

    __slots__ = ("_lock", "_later")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._later: Deque[Callable[[], None]] = deque()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        # What was handed over before the release found the lock taken; what comes later finds it free.
        if self._later:
            self._run()

    def soon(self, action: Callable[[], None]) -> None:
        """Runs ``action`` under the lock: now, or when its holder lets go. It must not raise."""
        self._later.append(action)
        self._run()

    def _run(self) -> None:
        while self._later and self._lock.acquire(blocking=False):
            try:
                while self._later:
                    self._later.popleft()()
            finally:
                self._lock.release()

"""Stopping at a signal."""

import asyncio
import os
import signal
import threading
import time
from typing import Any, Callable, Optional, Sequence, Union

from .aio import AsyncObserver, AsyncWorker
from .worker import Observer, Worker

DEFAULT_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: A terminal and the programs between pass a Ctrl-C on, each by itself: that is not yet impatience.
_ECHO_SECONDS = 0.5


class _Patience:
    """The first signal stops gracefully; a second one ends the process, and what runs is lost."""

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin
        self._since: Optional[float] = None

    def __call__(self, number: int, _frame: Any = None) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._begin()
        elif now - self._since > _ECHO_SECONDS:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def stop_on_signals(
    worker: Union[Worker, Observer],
    *,
    deadline_ms: Optional[int] = None,
    signals: Sequence[int] = DEFAULT_SIGNALS,
) -> Callable[[], None]:
    """Stops the worker gracefully at the first of these signals: its loop, or ``run``, ends when what
    runs is done, or at the deadline, as in ``worker.stop``. The second ends the process. For the main
    thread. Returns the way to undo it."""

    def begin() -> None:
        worker.begin_stop()
        if deadline_ms is not None:
            threading.Thread(target=worker.stop, args=(deadline_ms,), daemon=True).start()

    patience = _Patience(begin)
    before = {number: signal.signal(number, patience) for number in signals}

    def undo() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return undo


def stop_on_loop_signals(
    worker: Union[AsyncWorker, AsyncObserver],
    *,
    deadline_ms: Optional[int] = None,
    signals: Sequence[int] = DEFAULT_SIGNALS,
) -> Callable[[], None]:
    """The same for a worker of the running loop."""
    loop = asyncio.get_running_loop()
    tasks = []

    def begin() -> None:
        worker.begin_stop()
        if deadline_ms is not None:
            tasks.append(loop.create_task(worker.stop(deadline_ms)))

    patience = _Patience(begin)
    for number in signals:
        loop.add_signal_handler(number, patience, number)

    def undo() -> None:
        for number in signals:
            loop.remove_signal_handler(number)

    return undo

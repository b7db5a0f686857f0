"""Workers whose calls wait: for plain programs and for threads."""

import threading
import time
from queue import Empty as QueueEmpty
from queue import SimpleQueue
from typing import Any, Callable, Dict, Generic, Iterator, Optional, TypeVar

from ._attachment import Attachment
from ._options import WorkerEvent, is_passing
from ._retry import delays_ms
from ._service import Service
from ._threaded import Exchange, Observation
from ._threads import block_for
from .errors import Detached, InvalidArgument, ServerGone, ShuttingDown, UploadResponseError

T = TypeVar("T", Exchange, Observation)
S = TypeVar("S", bound="_ThreadWorker[Any]")
_MOST_THREADS = 64
_REPORT_MS = 100


class _ThreadWorker(Service, Generic[T]):
    """An iterator of the streams that it takes. A stream is taken when somebody asks for the next one,
    so a busy worker leaves new requests to idle ones. Any thread."""

    _work_type: Any

    def _start(self) -> None:
        super()._start()
        self._make_locks()
        self._running = False
        #: What the loop of each thread works on.
        self._in_loops: Dict[int, T] = {}
        self._attach(None, self._options.wait_for_server)

    def __iter__(self) -> Iterator[T]:
        """Takes streams one by one, until the worker is stopped. The work belongs to the loop's body:
        when the next one is asked for and nothing was answered, it is failed."""
        try:
            while True:
                self._finish_loop()
                work = self.next()
                if work is None:
                    return
                self._in_loops[threading.get_ident()] = work
                yield work
        finally:
            self._finish_loop()

    def next(self, timeout_ms: int = -1) -> Optional[T]:
        """The next stream, which the caller ends with ``run`` or a ``with`` block. None when the worker
        was stopped, or when none came in ``timeout_ms`` (-1: as long as it takes). ServerGone with
        ``reconnect=False``; AbiMismatch, PermissionDenied, UnknownObserver of another server."""
        end = None if timeout_ms < 0 else time.monotonic() + timeout_ms / 1000
        while not self._stopping.is_set():
            if self._failure is not None:
                raise self._failure
            attachment = self._attachment
            if attachment is None:
                if not self._attach(end, True):
                    return None
                continue
            try:
                scope = self._take(attachment, end)
            except (ServerGone, Detached):
                self._lost(attachment)
                continue
            except ShuttingDown:
                continue
            if scope is None and end is None:
                continue
            if scope is None:
                return None
            work: T = self._work_type(scope, self._options)
            return work
        return None

    def run(self, handler: Callable[[T], Any], threads: Optional[int] = None) -> None:
        """Runs ``handler`` for every stream, in ``threads`` threads: as many as the concurrency, at
        most 64, unless told otherwise; 1 is the calling thread alone. A handler that raises, or returns
        without an answer, fails its stream; one that is a generator yields the answer's body. Returns
        when the worker was stopped and the handlers have returned; raises as ``next``."""
        if self._running:
            raise InvalidArgument("run was called before")
        self._running = True
        count = min(self.concurrency, _MOST_THREADS) if threads is None else threads
        if count <= 1:
            self._serve(handler)
            return
        crew = [
            # A handler that never returns must not keep the process from ending.
            threading.Thread(target=self._serve_aside, args=(handler,), daemon=True)
            for _ in range(count)
        ]
        try:
            for one in crew:
                one.start()
            for one in crew:
                one.join()
        finally:
            self.begin_stop()
        if self._failure is not None:
            raise self._failure

    def begin_stop(self) -> None:
        """Takes nothing new, and waits for nothing: loops and ``run`` end when what runs is done. For
        signal handlers, and for handlers of streams."""
        self._stopping.set()
        attachment = self._attachment
        if attachment is not None:
            attachment.stop()

    def stop(self, deadline_ms: Optional[int] = None) -> None:
        """Takes nothing new, finishes what runs, detaches; returns when that is done. What still runs
        after ``deadline_ms`` is aborted with ShuttingDown, and the server hands it to others where it
        can. Idempotent. Not for handlers, which it waits for: see ``begin_stop``."""
        self.begin_stop()
        self._finish_loop()
        ended: "SimpleQueue[None]" = SimpleQueue()
        with self._attaching, self._lock:
            self._retire()
            leaving = list(self._leaving())
        for attachment in leaving:
            attachment.when_idle(lambda: ended.put(None))
        end = None if deadline_ms is None else time.monotonic() + deadline_ms / 1000
        try:
            for _ in leaving:
                ended.get(timeout=_left(end))
        except QueueEmpty:
            for attachment in leaving:
                attachment.detach(ShuttingDown())
        with self._lock:
            self._has_stopped()

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    # ---- Inside ----

    def _make_locks(self) -> None:
        self._lock = threading.RLock()
        self._attaching = threading.RLock()
        self._stopping = threading.Event()

    def _after_fork(self) -> None:
        super()._after_fork()
        self._make_locks()

    def _is_stopping(self) -> bool:
        return self._stopping.is_set()

    def _take(self, attachment: Attachment, end: Optional[float]) -> Any:
        if end is None:
            if self._observes:
                # Streams that were missed are reported between two calls.
                return attachment.next(_REPORT_MS)
            return block_for(attachment.next, None)
        return attachment.next(round(_left(end) * 1000))

    def _serve(self, handler: Callable[[T], Any]) -> None:
        while True:
            work = self.next()
            if work is None:
                return
            work.run(handler)

    def _serve_aside(self, handler: Callable[[T], Any]) -> None:
        try:
            self._serve(handler)
        except UploadResponseError:
            pass  # the worker's failure, which run raises
        except BaseException:
            self.begin_stop()
            raise

    def _finish_loop(self) -> None:
        work = self._in_loops.pop(threading.get_ident(), None)
        if work is not None:
            work.finish()

    def _attach(self, end: Optional[float], patient: bool) -> bool:
        """Makes an attachment where there is none. False: the time is over."""
        with self._attaching:
            for delay_ms in delays_ms():
                if self._attachment is not None or self._stopping.is_set():
                    return True
                try:
                    self._attached(Attachment(self._options))
                except UploadResponseError as error:
                    if not patient or not is_passing(error):
                        self._failure = error
                        raise
                    self._options.report(WorkerEvent("waiting", error=error, delay_ms=delay_ms))
                    pause = delay_ms / 1000 if end is None else min(delay_ms / 1000, _left(end))
                    self._stopping.wait(pause)
                    if end is not None and _left(end) == 0:
                        return False
        raise AssertionError("there is always a next delay")

    def _lost(self, attachment: Attachment) -> None:
        with self._lock:
            if self._attachment is attachment:
                self._has_gone(attachment)


def _left(end: Optional[float]) -> Any:
    return None if end is None else max(end - time.monotonic(), 0)


class Worker(_ThreadWorker[Exchange]):
    """A worker that answers.

        with Worker() as worker:
            for exchange in worker:
                size = sum(len(chunk) for chunk in exchange.request.body)
                exchange.respond(200).end(f"{size} bytes\\n")
    """

    _work_type = Exchange


class Observer(_ThreadWorker[Observation]):
    """A worker that reads beside the one that answers.

    ``required`` is the name of the required observer that it is: no response passes without its
    verdict. The server must know the name (``segment.requiredObservers``), and processes of one name
    share the duty.
    """

    _observes = True
    _work_type = Observation

    def __init__(self, *, required: Optional[str] = None, **options: Any) -> None:
        """``options`` are a worker's."""
        self._required = required
        super().__init__(**options)

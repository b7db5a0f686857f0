"""Workers for asyncio: woken through a file descriptor in the loop, without a thread of Python's."""

import asyncio
from collections import deque
from typing import Any, AsyncIterator, Callable, Deque, Dict, Generic, Optional, Set, TypeVar

from ._async_service import AsyncService
from ._async_work import AsyncExchange, AsyncObservation
from .errors import Detached, InvalidArgument, ServerGone, ShuttingDown, UploadResponseError

T = TypeVar("T", AsyncExchange, AsyncObservation)
S = TypeVar("S", bound="_AsyncioWorker[Any]")
#: Longer than it takes to hear that a stream was given up.
_GRACE_SECONDS = 0.2


class _AsyncioWorker(AsyncService, Generic[T]):
    """An async iterator of the streams that it takes. A stream is taken when somebody asks for the next
    one, so a busy worker leaves new requests to idle ones. ``async with`` attaches it, and stops it at
    the end. For one loop's thread; ``begin_stop`` is for any thread."""

    _work_type: Any

    def _start(self) -> None:
        super()._start()
        self._demands: "Deque[asyncio.Future[Optional[T]]]" = deque()
        self._handler: Optional[Callable[[T], Any]] = None
        self._tasks: "Set[asyncio.Task[None]]" = set()
        #: What the loop of each task works on.
        self._in_loops: Dict[Any, T] = {}
        #: Taken for somebody who was cancelled meanwhile.
        self._spare: "Deque[T]" = deque()
        #: The server offers nothing, since nobody here would take it.
        self._muted = False

    async def attach(self: S) -> S:
        """Attaches to the server; what ``async with`` does. ServerGone, NoFreeWorker, PermissionDenied,
        AbiMismatch, UnknownObserver."""
        if self._loop is not None:
            raise InvalidArgument("attach was called before")
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        await self._renew(self._options.wait_for_server)
        return self

    async def __aenter__(self: S) -> S:
        return await self.attach()

    async def __aexit__(self, *_: Any) -> None:
        await self.stop()

    # ---- Taking streams ----

    async def __aiter__(self) -> AsyncIterator[T]:
        """Takes streams one by one, until the worker is stopped. The work belongs to the loop's body:
        when the next one is asked for and nothing was answered, it is failed. To work on several at
        once use ``run``, or ``next``."""
        task = asyncio.current_task()
        try:
            while True:
                self._finish_loop(task)
                work = await self.next()
                if work is None:
                    return
                self._in_loops[task] = work
                yield work
        finally:
            self._finish_loop(task)

    async def next(self) -> Optional[T]:
        """The next stream, which the caller ends with ``run`` or an ``async with`` block; None when the
        worker was stopped. ServerGone with ``reconnect=False``; AbiMismatch, PermissionDenied,
        UnknownObserver when the next server is another one."""
        if self._failure is not None:
            raise self._failure
        if self._begun_stop:
            return None
        if self._loop is None:
            raise InvalidArgument("the worker is not attached")
        if self._spare:
            return self._spare.popleft()
        demand: "asyncio.Future[Optional[T]]" = self._loop.create_future()
        self._demands.append(demand)
        self._pump()
        try:
            return await demand
        except asyncio.CancelledError:
            if demand.done() and not demand.cancelled() and demand.exception() is None:
                self._keep(demand.result())
            self._mute()
            raise

    async def run(self, handler: Callable[[T], Any]) -> None:
        """Runs ``handler`` for every stream, up to ``concurrency`` at once, each in a task of its own. A
        handler that raises, or returns without an answer, fails its stream; one that is an async
        generator yields the answer's body. Returns when the worker has stopped; raises as ``next``."""
        if self._handler is not None:
            raise InvalidArgument("run was called before")
        if self._loop is None:
            raise InvalidArgument("the worker is not attached")
        self._handler = handler
        self._pump()
        while not self._begun_stop and self._failure is None:
            await self._change()
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        if self._failure is not None:
            raise self._failure

    # ---- Ending ----

    def begin_stop(self) -> None:
        """Takes nothing new, and waits for nothing: loops and ``run`` end when what runs is done. For
        signal handlers of the loop, and for handlers of streams. Any thread."""
        self._begun_stop = True
        attachment = self._attachment
        if attachment is not None:
            attachment.stop()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._refuse_demands)

    async def stop(self, deadline_ms: Optional[int] = None) -> None:
        """Takes nothing new, finishes what runs, detaches; returns when that is done. What still runs
        after ``deadline_ms`` is aborted with ShuttingDown, and its tasks are cancelled; the server
        hands it to others where it can. Idempotent. Not for handlers, which it waits for: see
        ``begin_stop``."""
        if self._loop is None:
            self._begun_stop = True
            return
        self.begin_stop()
        self._refuse_demands()
        self._finish_loop(asyncio.current_task())
        while self._spare:
            self._spare.popleft().finish()
        if self._renewal is not None:
            await asyncio.wait({self._renewal})
        self._retire()
        try:
            await asyncio.wait_for(
                self._until_left(), None if deadline_ms is None else deadline_ms / 1000
            )
        except asyncio.TimeoutError:
            for attachment in list(self._leaving()):
                attachment.detach(ShuttingDown())
            await self._end_tasks()
        for attachment in list(self._watched):
            self._forget(attachment)
        self._has_stopped()
        self._notify()

    # ---- Inside ----

    async def _end_tasks(self) -> None:
        """What waits for its stream ends with the reason; what waits for something else is cancelled."""
        if not self._tasks:
            return
        _, pending = await asyncio.wait(set(self._tasks), timeout=_GRACE_SECONDS)
        for task in pending:
            task.cancel()

    def _wants(self) -> bool:
        if self._begun_stop or self._attachment is None:
            return False
        return self._handler is not None or any(not one.done() for one in self._demands)

    def _pump(self) -> None:
        """Takes what is there and wanted."""
        while self._wants():
            attachment = self._attachment
            assert attachment is not None
            try:
                if self._muted:
                    self._muted = False
                    attachment.set_capacity(self.concurrency)
                scope = attachment.next(0)
            except (ServerGone, Detached):
                self._lost(attachment)
                return
            except ShuttingDown:
                return
            if scope is None:
                return
            self._keep(self._work_type(scope, self._options))

    def _mute(self) -> None:
        """Whoever asked last has gone: what is offered from now on is for other workers."""
        attachment = self._attachment
        if attachment is not None and not self._wants() and not self._begun_stop:
            self._muted = True
            attachment.set_capacity(0)

    def _keep(self, work: Optional[T]) -> None:
        """Gives a stream to whoever wants it."""
        if work is None:
            return
        while self._demands:
            demand = self._demands.popleft()
            if not demand.done():
                demand.set_result(work)
                return
        if self._handler is None:
            self._spare.append(work)
            return
        assert self._loop is not None
        task = self._loop.create_task(work.run(self._handler))
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._notify()
        self._pump()

    def _refuse_demands(self) -> None:
        while self._demands:
            demand = self._demands.popleft()
            if not demand.done():
                demand.set_result(None)
        self._notify()

    def _finish_loop(self, task: Any) -> None:
        work = self._in_loops.pop(task, None)
        if work is not None:
            work.finish()

    def _refuse_with(self, error: UploadResponseError) -> None:
        self._failure = error
        while self._demands:
            demand = self._demands.popleft()
            if not demand.done():
                demand.set_exception(error)
        self._notify()

class AsyncWorker(_AsyncioWorker[AsyncExchange]):
    """A worker that answers.

        async with AsyncWorker() as worker:
            async for exchange in worker:
                size = 0
                async for chunk in exchange.request.body:
                    size += len(chunk)
                await exchange.respond(200).end(f"{size} bytes\n")
    """

    _work_type = AsyncExchange


class AsyncObserver(_AsyncioWorker[AsyncObservation]):
    """A worker that reads beside the one that answers.

    ``required`` is the name of the required observer that it is: no response passes without its
    verdict. The server must know the name (``segment.requiredObservers``), and processes of one name
    share the duty.
    """

    _observes = True
    _work_type = AsyncObservation

    def __init__(self, *, required: Optional[str] = None, **options: Any) -> None:
        """``options`` are a worker's."""
        self._required = required
        super().__init__(**options)

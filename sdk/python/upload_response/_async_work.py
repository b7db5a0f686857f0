"""Bodies, writers, exchanges and observations for asyncio. Everything is for the loop's thread."""

import asyncio
import inspect
import json
from typing import Any, AsyncIterator, Callable, Optional, TypeVar

from . import _abi
from ._body import EMPTY, BodyCore
from ._buffers import BodyData, Source
from ._chunk import Chunk
from ._head import HeadersInput
from ._options import WorkerOptions
from ._request import DEFAULT_BODY_LIMIT, RequestCore
from ._scope import Scope
from ._work import ExchangeCore, ObservationCore, StreamWork
from ._writer import WriterCore
from .errors import UploadResponseError

_BYTES_PER_TURN = 1 << 20
_SLOT_COST = 512


class _Turn:
    """Lets the loop turn where the next slot is always there: about once in a millisecond."""

    def __init__(self) -> None:
        self._left = _BYTES_PER_TURN

    def spend(self, size: int) -> bool:
        """The turn is used up."""
        self._left -= size + _SLOT_COST
        if self._left > 0:
            return False
        self._left = _BYTES_PER_TURN
        return True


async def _event(scope: Scope) -> None:
    """Waits until something has happened to the stream since the last look at it."""
    loop = asyncio.get_running_loop()
    future: "asyncio.Future[None]" = loop.create_future()

    def happened() -> None:
        if not future.done():
            future.set_result(None)

    forget = scope.on_event(happened)
    try:
        await future
    finally:
        forget()


class AsyncLaneBody(BodyCore):
    """The body of a lane as chunks. An iteration that was left with ``break`` is gone on with by the
    next one; its end means that the body was whole."""

    def __init__(self, scope: Scope, reader: int, copy: bool) -> None:
        super().__init__(scope, reader, copy)
        self._turn = _Turn()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while True:
            chunk = await self.pull()
            if chunk is None:
                return
            yield chunk

    async def pull(self) -> Optional[Chunk]:
        """The next chunk, or None at the end; waits for it. Releases the one before unless it was
        retained. Raises why the stream was given up; Evicted, before data that may have been
        overwritten passes for good; HashMismatch when verifying; InvalidArgument. A wait that is
        cancelled loses nothing."""
        self._begin()
        try:
            if self._ended:
                return None
            while True:
                chunk: Any = self._take(0)
                if chunk is not EMPTY:
                    break
                await _event(self._scope)
                if self._scope.over:
                    raise self._scope.ended()
            if chunk is not None and self._turn.spend(chunk.length):
                await asyncio.sleep(0)
            return chunk  # type: ignore[no-any-return]
        finally:
            self._finish()

    async def discard(self) -> None:
        """Reads on to the end and drops what comes, so that the client is not kept waiting. Whoever
        does not want a body says so with this."""
        while await self.pull() is not None:
            pass


class AsyncRequest(RequestCore[AsyncLaneBody]):
    """A request: its head is complete, its body may still be arriving."""

    async def bytes(self, limit: int = DEFAULT_BODY_LIMIT) -> bytes:
        """The whole body. BodyTooLarge above ``limit`` bytes, and as ``body``."""
        self._expect_size(self._announced(), limit)
        parts, size = [], 0
        async for chunk in self.body:
            size += chunk.length
            self._expect_size(size, limit)
            parts.append(chunk.copy())
        return b"".join(parts)

    async def text(self, limit: int = DEFAULT_BODY_LIMIT) -> str:
        """The whole body as UTF-8. UnicodeDecodeError, and as ``bytes``."""
        return (await self.bytes(limit)).decode()

    async def json(self, limit: int = DEFAULT_BODY_LIMIT) -> Any:
        """The whole body as JSON. ValueError, and as ``bytes``."""
        return json.loads(await self.bytes(limit))


class AsyncLaneWriter(WriterCore):
    """Writes a lane: a response's or a stage's. Small writes of one turn of the loop share a slot, which
    is published at the turn's end; ``flush`` publishes at once. One operation at a time: await it before
    the next one is begun."""

    def __init__(self, scope: Scope, writer: int) -> None:
        super().__init__(scope, writer)
        self._turn = _Turn()
        self._flushing = False
        self._queue = asyncio.Lock()

    async def write(self, data: BodyData) -> None:
        """Writes bytes, or text as UTF-8, of any length. Returns when the lane has taken all of it,
        which waits for the client as soon as the ring is full. LaneEnded, or why the stream was given
        up. A wait that is cancelled leaves a part written."""
        self._expect_open()
        async with self._queue:
            with Source(data) as source:
                await self._write_all(source)
        if self._turn.spend(source.length):
            await asyncio.sleep(0)

    def try_write(self, data: BodyData) -> int:
        """Writes what there is room for without waiting; returns how many bytes that was."""
        self._expect_open()
        if self._queue.locked():
            return 0
        with Source(data) as source:
            self._scope.enter()
            try:
                self._flush_soon()
                return max(self._write_some(source, 0, 0, False), 0)
            finally:
                self._scope.leave()

    async def reserve(self) -> memoryview:
        """A writable view on the next slot's memory, to be filled in place; waits for room. Nobody sees
        it before ``commit``."""
        self._expect_open()
        async with self._queue:
            self._scope.enter()
            try:
                while True:
                    view = self._reserve(0)
                    if view is not None:
                        return view
                    await self._room()
            finally:
                self._scope.leave()

    async def end(
        self, data: Optional[BodyData] = None, trailers: Optional[HeadersInput] = None
    ) -> None:
        """Writes ``data``, trailer fields and the end; returns when the end has been published."""
        source = self._begin_end(data)
        write_trailers = self._trailers(trailers)
        async with self._queue:
            try:
                if source is not None:
                    await self._write_all(source)
            finally:
                if source is not None:
                    source.release()
            self._scope.enter()
            try:
                if write_trailers is not None:
                    await self._until_room(write_trailers)
                await self._until_room(self._end)
                self._has_ended()
            finally:
                self._scope.leave()

    async def idle(self) -> None:
        """Waits until nothing that was written or ended waits for room any more."""
        async with self._queue:
            pass

    async def _write_all(self, source: Source) -> None:
        done = 0
        self._scope.enter()
        try:
            while True:
                done += max(self._write_some(source, done, 0, False), 0)
                if done >= source.length:
                    break
                await self._room()
            self._flush_soon()
        finally:
            self._scope.leave()

    async def _until_room(self, call: Callable[[int], int]) -> None:
        while True:
            result = call(0)
            if result != _abi.FULL:
                self._scope.check(result)
                return
            await self._room()

    async def _room(self) -> None:
        await _event(self._scope)
        if self._scope.over:
            raise self._scope.ended()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flushing = False
        if self._ended or self._reserved is not None or self._scope.over:
            return
        try:
            self._call(self._library.writer_flush, self._writer)
        except UploadResponseError:
            pass  # the stream has gone; the scope knows and tells everybody who waits


T = TypeVar("T", bound="_AsyncWork")


class _AsyncWork(StreamWork[AsyncLaneBody, AsyncLaneWriter]):
    """Running the user's code on a stream."""

    _body_type = AsyncLaneBody
    _writer_type = AsyncLaneWriter

    def __init__(self, scope: Scope, options: WorkerOptions) -> None:
        super().__init__(scope, options)
        self.request = AsyncRequest(self._head, self._body)

    async def _settle(self) -> None:
        """Waits for what was begun and not awaited."""

    async def _send(self, parts: Any) -> None:
        """Runs a handler that is an async generator."""
        async for _ in parts:
            pass

    async def run(self: T, handler: Callable[[T], Any]) -> None:
        """Runs ``handler`` with this. When it returns, everything that it has not ended is ended:
        chunks are released, and what is missing is a failure. What the handler raises goes to
        ``on_event`` and fails the exchange; only a cancellation and the process's end pass."""
        try:
            result = handler(self)
            if inspect.isasyncgen(result):
                await self._send(result)
            elif inspect.isawaitable(result):
                await result
            await self._settle()
            self._complete()
        except Exception as error:
            self._has_thrown(error)
        except BaseException as error:
            self._give(error)
            raise
        finally:
            self._end_work()

    async def gone(self: T) -> UploadResponseError:
        """Waits until nobody needs the work any more and returns why; for tasks that run beside it."""
        while self._scope.inspect() is None:
            if self._scope.over:
                return self._scope.ended()
            await _event(self._scope)
        return self._scope.ended()

    async def __aenter__(self: T) -> T:
        return self

    async def __aexit__(self: T, kind: Any, error: Optional[BaseException], _: Any) -> None:
        try:
            if error is not None:
                self._give(error)
            else:
                self._complete()
        except Exception as missing:
            self._give(missing)
            raise
        finally:
            self._end_work()


class AsyncExchange(_AsyncWork, ExchangeCore[AsyncLaneBody, AsyncLaneWriter]):
    """A request and the right to answer it."""

    async def _settle(self) -> None:
        """Waits for an end that was begun and not awaited."""
        await self._response.idle()

    async def _send(self, parts: Any) -> None:
        """What an async generator yields is the body of the answer. Its head is 200 without fields,
        unless it has called ``respond`` before."""
        try:
            async for part in parts:
                if not self.responded:
                    self.respond()
                await self._response.write(part)
        finally:
            await parts.aclose()
        if not self.responded:
            self.respond()
        if not self._response.ending:
            await self._response.end()


class AsyncObservation(_AsyncWork, ObservationCore[AsyncLaneBody, AsyncLaneWriter]):
    """A request that this worker reads beside the one that answers it."""

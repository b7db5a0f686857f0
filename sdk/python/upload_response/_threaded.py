"""Bodies, writers, exchanges and observations for threads: every call waits by itself. Each object is
for one thread at a time; those of different exchanges may be used by different threads at once."""

import inspect
import json
from typing import Any, Callable, Generator, Iterator, Optional, TypeVar

from . import _abi
from ._body import EMPTY, BodyCore
from ._buffers import BodyData, Source
from ._chunk import Chunk
from ._head import HeadersInput
from ._options import WorkerOptions
from ._request import DEFAULT_BODY_LIMIT, RequestCore
from ._scope import Scope
from ._threads import block, block_for
from ._work import ExchangeCore, ObservationCore, StreamWork
from ._writer import WriterCore


class LaneBody(BodyCore):
    """The body of a lane as chunks. An iteration that was left with ``break`` is gone on with by the
    next one; its end means that the body was whole."""

    def __iter__(self) -> Iterator[Chunk]:
        while True:
            chunk = self.pull()
            if chunk is None:
                return
            yield chunk

    def pull(self) -> Optional[Chunk]:
        """The next chunk, or None at the end; waits for it. Releases the one before unless it was
        retained. Raises why the stream was given up; Evicted, before data that may have been
        overwritten passes for good; HashMismatch when verifying; InvalidArgument."""
        self._begin()
        try:
            if self._ended:
                return None
            chunk: Any = block_for(self._take, EMPTY)
            return chunk  # type: ignore[no-any-return]
        finally:
            self._finish()

    def discard(self) -> None:
        """Reads on to the end and drops what comes, so that the client is not kept waiting. Whoever
        does not want a body says so with this."""
        while self.pull() is not None:
            pass


class Request(RequestCore[LaneBody]):
    """A request: its head is complete, its body may still be arriving."""

    def bytes(self, limit: int = DEFAULT_BODY_LIMIT) -> bytes:
        """The whole body. BodyTooLarge above ``limit`` bytes, and as ``body``."""
        self._expect_size(self._announced(), limit)
        parts, size = [], 0
        for chunk in self.body:
            size += chunk.length
            self._expect_size(size, limit)
            parts.append(chunk.copy())
        return b"".join(parts)

    def text(self, limit: int = DEFAULT_BODY_LIMIT) -> str:
        """The whole body as UTF-8. UnicodeDecodeError, and as ``bytes``."""
        return self.bytes(limit).decode()

    def json(self, limit: int = DEFAULT_BODY_LIMIT) -> Any:
        """The whole body as JSON. ValueError, and as ``bytes``."""
        return json.loads(self.bytes(limit))


class LaneWriter(WriterCore):
    """Writes a lane: a response's or a stage's. What was written is published at once."""

    def write(self, data: BodyData) -> None:
        """Writes bytes, or text as UTF-8, of any length. Returns when the lane has taken all of it,
        which waits for the client as soon as the ring is full. LaneEnded, or why the stream was given
        up."""
        self._expect_open()
        source = Source(data)
        try:
            self._write_all(source)
        finally:
            source.release()

    def try_write(self, data: BodyData) -> int:
        """Writes what there is room for without waiting; returns how many bytes that was."""
        self._expect_open()
        with Source(data) as source:
            self._scope.enter()
            try:
                return max(self._write_some(source, 0, 0, True), 0)
            finally:
                self._scope.leave()

    def reserve(self) -> memoryview:
        """A writable view on the next slot's memory, to be filled in place; waits for room. Nobody sees
        it before ``commit``."""
        self._expect_open()
        self._scope.enter()
        try:
            view: Any = block_for(self._reserve, None)
            return view  # type: ignore[no-any-return]
        finally:
            self._scope.leave()

    def end(self, data: Optional[BodyData] = None, trailers: Optional[HeadersInput] = None) -> None:
        """Writes ``data``, trailer fields and the end; returns when the end has been published."""
        source = self._begin_end(data)
        try:
            if source is not None:
                self._write_all(source)
        finally:
            if source is not None:
                source.release()
        write_trailers = self._trailers(trailers)
        self._scope.enter()
        try:
            if write_trailers is not None:
                self._scope.check(block(write_trailers, _abi.FULL))
            self._scope.check(block(self._end, _abi.FULL))
            self._has_ended()
        finally:
            self._scope.leave()

    def _write_all(self, source: Source) -> None:
        done = 0
        self._scope.enter()
        try:
            while done < source.length:
                taken = block(lambda ms: self._write_some(source, done, ms, True), _abi.FULL)
                done += max(taken, 0)
        finally:
            self._scope.leave()


T = TypeVar("T", bound="_ThreadWork")


class _ThreadWork(StreamWork[LaneBody, LaneWriter]):
    """Running the user's code on a stream."""

    _body_type = LaneBody
    _writer_type = LaneWriter

    def __init__(self, scope: Scope, options: WorkerOptions) -> None:
        super().__init__(scope, options)
        self.request = Request(self._head, self._body)

    def _send(self, parts: "Generator[Any, None, Any]") -> None:
        """Runs a handler that is a generator."""
        for _ in parts:
            pass

    def run(self: T, handler: Callable[[T], Any]) -> None:
        """Runs ``handler`` with this. When it returns, everything that it has not ended is ended:
        chunks are released, and what is missing is a failure. What the handler raises goes to
        ``on_event`` and fails the exchange; only SystemExit and KeyboardInterrupt pass."""
        try:
            result = handler(self)
            if inspect.isgenerator(result):
                self._send(result)
            self._complete()
        except Exception as error:
            self._has_thrown(error)
        except BaseException as error:
            self._give(error)
            raise
        finally:
            self._end_work()

    def __enter__(self: T) -> T:
        return self

    def __exit__(self: T, kind: Any, error: Optional[BaseException], _: Any) -> None:
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


class Exchange(_ThreadWork, ExchangeCore[LaneBody, LaneWriter]):
    """A request and the right to answer it."""

    def _send(self, parts: "Generator[Any, None, Any]") -> None:
        """What a generator yields is the body of the answer. Its head is 200 without fields, unless it
        has called ``respond`` before; trailer fields are what it returns."""
        trailers = None
        try:
            while True:
                try:
                    part = next(parts)
                except StopIteration as stop:
                    trailers = stop.value
                    break
                if not self.responded:
                    self.respond()
                self._response.write(part)
        finally:
            parts.close()
        if not self.responded:
            self.respond()
        if not self._response.ending:
            self._response.end(trailers=trailers)


class Observation(_ThreadWork, ObservationCore[LaneBody, LaneWriter]):
    """A request that this worker reads beside the one that answers it."""

"""Writing one lane: what writing with threads and writing with asyncio have in common."""

import ctypes
from typing import Any, Optional

from . import _abi
from ._buffers import BodyData, SharedView, Source
from ._head import HeadersInput, make_fields
from ._scope import Lent, Scope
from .errors import InvalidArgument, LaneEnded, UploadResponseError, WorkerFailed


class _Reservation(Lent):
    """The memory of the next slot."""

    __slots__ = ("shared", "_scope")

    def __init__(self, scope: Scope, address: int, size: int) -> None:
        self.shared: Optional[SharedView] = SharedView(address, size, writable=True)
        self._scope = scope

    def end(self) -> None:
        """Takes the view back. BufferError while something that was made from it is in use: after that
        another stream may use the memory."""
        shared = self.shared
        if shared is None:
            return
        if not shared.try_release():
            raise BufferError("something that was made from the reserved view is still in use")
        self.shared = None
        self._scope.take_back(self)

    def lose(self) -> None:
        shared, self.shared = self.shared, None
        if shared is not None:
            self._end_view(self._scope, shared, lambda: None)
            self._scope.take_back(self)


class WriterCore:
    """The writer of a lane, whose claim this process holds."""

    def __init__(self, scope: Scope, writer: int) -> None:
        self._scope = scope
        self._writer = writer
        self._library = scope.library
        self._ending = False
        self._ended = False
        self._reserved: Optional[_Reservation] = None
        #: With its end the work on the stream is over: it is the answer.
        self.ends_work = False
        scope.writing(writer)

    @property
    def ended(self) -> bool:
        """The end has been published."""
        return self._ended

    @property
    def ending(self) -> bool:
        """``end`` has been called."""
        return self._ending

    @property
    def slot_size(self) -> int:
        """Bytes that one slot takes."""
        self._scope.enter()
        try:
            return int(self._library.writer_slot_size(self._writer))
        finally:
            self._scope.leave()

    def flush(self) -> None:
        """Publishes what was written so far."""
        self._expect_open()
        self._call(self._library.writer_flush, self._writer)

    def commit(self, length: int) -> None:
        """Publishes the first ``length`` bytes of the reserved slot; 0 drops the reservation. Before,
        the view is taken back: BufferError while something that was made from it is in use."""
        reserved = self._reserved
        if reserved is None:
            raise InvalidArgument("commit without a reserved slot")
        reserved.end()
        self._reserved = None
        self._call(self._library.writer_commit, self._writer, length)

    def fail(self, error: Optional[BaseException] = None) -> None:
        """Gives up: a client gets a 502, or a reset when the answer has begun; readers of a stage get
        ``error``, or WorkerFailed where it is none of this package. Idempotent."""
        if self._ended or self._scope.over:
            return
        number = error.number if isinstance(error, UploadResponseError) else WorkerFailed.number
        self._ending = True
        self._scope.enter()
        try:
            self._library.writer_fail(self._writer, -number)
            self._scope.written(self._writer)
        finally:
            self._scope.leave()

    # ---- For the ways to wait ----

    def _expect_open(self) -> None:
        if self._ending:
            raise LaneEnded()
        if self._scope.over:
            raise self._scope.ended()

    def _call(self, function: Any, *arguments: Any) -> int:
        scope = self._scope
        scope.enter()
        try:
            return scope.check(function(*arguments))
        finally:
            scope.leave()

    def _write_some(self, source: Source, done: int, timeout_ms: int, publish: bool) -> int:
        """Writes from byte ``done`` on; how many were taken, or FULL. Between ``enter`` and ``leave``."""
        write = self._library.writer_write if publish else self._library.writer_append
        result: int = write(self._writer, source.address + done, source.length - done, timeout_ms)
        return result if result == _abi.FULL else self._scope.check(result)

    def _reserve(self, timeout_ms: int) -> Optional[memoryview]:
        """A view on the next slot; None when the lane is full. Between ``enter`` and ``leave``."""
        if self._reserved is not None:
            raise InvalidArgument("a slot is reserved: commit it first")
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        result = self._library.writer_reserve(
            self._writer, timeout_ms, ctypes.byref(data), ctypes.byref(size)
        )
        if result == _abi.FULL:
            return None
        scope = self._scope
        scope.check(result)
        with scope.guard:
            if scope.over:
                raise scope.ended()
            self._reserved = _Reservation(scope, data.value or 0, size.value)
            scope.lend(self._reserved)
        shared = self._reserved.shared
        return shared.view if shared is not None else None

    def _begin_end(self, data: Optional[BodyData]) -> Optional[Source]:
        self._expect_open()
        if self._reserved is not None:
            raise InvalidArgument("a slot is reserved: commit it first")
        source = None if data is None else Source(data)
        self._ending = True
        return source

    def _trailers(self, given: Optional[HeadersInput]) -> Any:
        fields, count = make_fields(given)
        if count == 0:
            return None
        return lambda timeout_ms: self._library.writer_trailers(
            self._writer, fields, count, timeout_ms
        )

    def _end(self, timeout_ms: int) -> int:
        result: int = self._library.writer_end(self._writer, timeout_ms)
        return result

    def _has_ended(self) -> None:
        self._ended = True
        self._scope.written(self._writer)
        if self.ends_work:
            self._scope.end()


def claim_of(scope: Scope, lane: int) -> int:
    """Claims a stage's lane. AlreadyClaimed."""
    writer: Any = ctypes.c_void_p()
    scope.enter()
    try:
        scope.check(
            scope.library.exchange_open_writer(scope.handle, lane, ctypes.byref(writer))
        )
    finally:
        scope.leave()
    handle: int = writer.value
    return handle


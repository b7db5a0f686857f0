"""Reading one lane: what reading with threads and reading with asyncio have in common."""

import ctypes
from typing import Any, Optional, Tuple, Union

from . import _abi
from ._chunk import Chunk
from ._head import Header, read_fields
from ._scope import Scope
from .errors import Evicted, InvalidArgument, Lapped

#: Nothing there yet.
EMPTY = object()


class BodyCore:
    """A reader of a lane, and the chunk that it has given out last."""

    def __init__(self, scope: Scope, reader: int, copy: bool) -> None:
        self._scope = scope
        self._reader = reader
        self._copy = copy
        self._current: Optional[Chunk] = None
        self._slot = _abi.SlotStruct()
        self._slot_pointer = ctypes.byref(self._slot)
        #: The chunk that goes back with the call that takes the next one; 0: none.
        self._given_back = 0
        self._pulling = False
        self._entered = False
        self._ended = False
        self._used = False
        self._trailers: Tuple[Header, ...] = ()

    @property
    def ended(self) -> bool:
        """The end was reached: everything before it was read and was whole."""
        return self._ended

    @property
    def used(self) -> bool:
        """Somebody has begun to read."""
        return self._used

    @property
    def trailers(self) -> Tuple[Header, ...]:
        """Trailer fields; none before the end was reached."""
        return self._trailers

    @property
    def newest(self) -> int:
        """Id of the newest slot in the lane: minus a chunk's ``slot``, how far the reader is behind."""
        self._scope.enter()
        try:
            return int(self._scope.library.reader_newest(self._reader))
        finally:
            self._scope.leave()

    # ---- For chunks ----

    @property
    def forked(self) -> bool:
        """This is the child of the process that reads: the memory is not mapped here."""
        return self._scope.attachment.forked

    def give_back(self, chunk: Chunk) -> None:
        """A chunk's release. Evicted."""
        scope = self._scope
        newest = chunk is self._current
        if newest:
            self._current = None
        # Whatever another thread does, the reader stays until the slot is acknowledged.
        entered = scope.try_enter()
        try:
            result = chunk.let_go(scope, self._reader)
            if entered and newest and result >= 0:
                result = self._acknowledge(chunk.slot)
            if entered:
                self._judge(result)
        finally:
            if entered:
                scope.leave()

    def lose(self, chunk: Chunk) -> None:
        """The work is over."""
        if chunk is self._current:
            self._current = None
        chunk.let_go(self._scope, self._reader)

    # ---- For pulling ----

    def _begin(self) -> None:
        """Begins to ask for the next chunk: the one before is released, unless it was retained."""
        if self._pulling:
            raise InvalidArgument("the body is being read by somebody else")
        self._pulling = True
        self._used = True
        try:
            chunk = self._current
            if chunk is None or chunk.retained or not self._hand_over(chunk):
                self._move_on()
                if not self._ended:
                    self._scope.enter()
                    self._entered = True
        except BaseException:
            self._finish()
            raise

    def _finish(self) -> None:
        self._pulling = False
        if self._entered:
            self._entered = False
            self._scope.leave()

    def _hand_over(self, chunk: Chunk) -> bool:
        """As the chunk's release, but the next ``_take`` acknowledges it. False: the work is over."""
        result = chunk.enter_letting_go(self._scope, self._reader)
        if result is None:
            return False
        self._entered = True
        self._current = None
        self._judge(result)
        self._given_back = chunk.slot
        return True

    def _move_on(self) -> None:
        chunk = self._current
        if chunk is None:
            return
        if not chunk.retained or not self._scope.try_enter():
            chunk.release()
            self._current = None
            return
        try:
            self._current = None
            result = chunk.pin(self._scope.library, self._reader)
            self._judge(result if result < 0 else self._acknowledge(chunk.slot))
        finally:
            self._scope.leave()

    def _take(self, timeout_ms: int) -> Union[Chunk, None, object]:
        """The next chunk, None at the end, or EMPTY. Between ``_begin`` and ``_finish``."""
        scope, slot = self._scope, self._slot
        result = scope.library.reader_advance(
            self._reader, self._given_back, timeout_ms, self._slot_pointer
        )
        if result == _abi.EMPTY:
            return EMPTY
        if scope.check(result) == 0:
            self._read_trailers()
            self._ended = True
            return None
        if self._copy:
            # Under the lock, since the memory may go away as soon as the work is over.
            with scope.guard:
                if scope.over:
                    raise scope.ended()
                chunk = Chunk(self, slot, ctypes.string_at(slot.data, slot.length))
            self._judge(self._acknowledge(slot.id))
            return chunk
        chunk = Chunk(self, slot, None)
        # Nobody touches the memory before it is lent.
        self._entered = False
        scope.leave_with(chunk)
        self._current = chunk
        return chunk

    def _read_trailers(self) -> None:
        fields = ctypes.POINTER(_abi.HeaderStruct)()
        count = self._scope.library.reader_trailers(self._reader, ctypes.byref(fields))
        self._trailers = read_fields(fields, count)

    def _acknowledge(self, slot: int) -> int:
        result: int = self._scope.library.reader_ack(self._reader, slot)
        return result

    def _judge(self, result: int) -> None:
        """A slot that could be neither kept nor acknowledged may have been overwritten."""
        if result >= 0:
            return
        try:
            self._scope.check(result)
        except Lapped:
            error = Evicted()
            self._scope.abort(error)
            raise self._scope.error or error from None


def reader_of(scope: Scope, lane: int) -> int:
    """Joins a lane from its first slot. NoFreeReader, Lapped when its first slots are gone."""
    reader: Any = ctypes.c_void_p()
    library = scope.library
    scope.enter()
    try:
        scope.check(library.exchange_open_reader(scope.handle, lane, 0, ctypes.byref(reader)))
        gap = library.reader_gap(reader)
        if gap > 0:
            library.reader_close(reader)
            raise Lapped(f"{gap} slots had gone")
    finally:
        scope.leave()
    handle: int = reader.value
    return handle

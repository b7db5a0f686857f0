"""Access units: the body of a media stream, one frame after the other."""

import struct
from contextlib import closing
from typing import Any, AsyncIterator, Generator, Iterator, Optional, Union, overload

from ._async_work import AsyncLaneBody, _AsyncWork
from ._body import BodyCore
from ._chunk import Chunk
from ._scope import Lent, Scope
from ._threaded import LaneBody, _ThreadWork
from .errors import AccessUnitTooLarge, AccessUnitTruncated

#: stream_type, key and track, id, dts, pts, length of the data
_HEAD = struct.Struct(">BBQqqI")
DEFAULT_MAX_BYTES = 16 * 1024 * 1024


class AccessUnit(Lent):
    """One frame of video or sound.

    ``data`` is a read-only memoryview: on the shared memory where the unit lies in one slot, otherwise
    on private memory. It is valid until the next unit is asked for; using it later is a ValueError.
    ``retain()`` keeps it longer, and the slot for as long as it lives; ``copy()`` makes bytes of your own.
    What was made from ``data`` (a slice, ``numpy.frombuffer``) stays valid for as long as it lives.
    """

    __slots__ = ("stream_type", "key", "track", "id", "dts", "pts", "data", "shared", "_kept", "_scope")

    def __init__(self, head: bytes, data: memoryview, shared: bool) -> None:
        kind, key, number, dts, pts, _ = _HEAD.unpack(head)
        #: As in MPEG-TS: 0x1b H.264, 0x24 H.265, 0x0f AAC.
        self.stream_type: int = kind
        #: A keyframe.
        self.key: bool = bool(key & 1)
        #: Which one of several tracks, 0 to 127, of video and of sound each; 0 where there is one.
        self.track: int = key >> 1
        #: Counts the stream's units from 0.
        self.id: int = number
        #: When to decode it, in milliseconds.
        self.dts: int = dts
        #: When to show it, in milliseconds.
        self.pts: int = pts
        #: Video: Annex B; AAC: with ADTS headers.
        self.data: memoryview = data
        #: ``data`` lie in the ring.
        self.shared: bool = shared
        self._kept = False
        self._scope: Optional[Scope] = None

    def __len__(self) -> int:
        return len(self.data)

    def copy(self) -> bytes:
        """The data in private memory. They count once asking for the next unit has not raised Evicted."""
        return bytes(self.data)

    def retain(self) -> "AccessUnit":
        """Keeps the unit when the next one is asked for. Returns the unit."""
        self._kept = True
        return self

    def release(self) -> None:
        """Ends the view; its slot is given back when nothing else of it is in use. Idempotent."""
        try:
            self.data.release()
        except BufferError:
            pass  # what was made from it keeps it
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.take_back(self)

    def lose(self) -> None:
        self.release()

    def _lend(self, body: BodyCore) -> None:
        """The end of the work ends the view, whatever still refers to the unit."""
        scope = body._scope
        with scope.guard:
            if scope.over:
                raise scope.ended()
            self._scope = scope
            scope.lend(self)

    def _move_on(self) -> None:
        if not self._kept:
            self.release()


class _Splitter:
    """Finds units in the chunks of a body, in whatever pieces they come."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._head = bytearray()
        self._length = 0
        self._data: Optional[bytearray] = None

    def feed(self, view: memoryview, shared: bool) -> Iterator[AccessUnit]:
        """The units that end in this chunk. AccessUnitTooLarge."""
        at, end = 0, len(view)
        while at < end or self._is_whole(0):
            if len(self._head) < _HEAD.size:
                # No name for the piece: the frame of an error would keep it, and its slot.
                begun = len(self._head)
                self._head += view[at : at + _HEAD.size - begun]
                at += len(self._head) - begun
                if len(self._head) < _HEAD.size:
                    return
                self._length = int(_HEAD.unpack(self._head)[5])
                if self._length > self._max_bytes:
                    raise AccessUnitTooLarge(f"{self._length} bytes")
            if self._is_whole(end - at):
                yield self._unit(view[at : at + self._length], shared)
                at += self._length
                continue
            if at == end:
                return
            if self._data is None:
                self._data = bytearray()
            begun = len(self._data)
            self._data += view[at : at + self._length - begun]
            at += len(self._data) - begun
            if len(self._data) == self._length:
                yield self._unit(memoryview(self._data).toreadonly(), False)

    def finish(self) -> None:
        """The body has ended. AccessUnitTruncated."""
        if self._head:
            raise AccessUnitTruncated()

    def _is_whole(self, left: int) -> bool:
        """The begun unit's data lie in the chunk, of which so much is left."""
        return len(self._head) == _HEAD.size and self._data is None and self._length <= left

    def _unit(self, data: memoryview, shared: bool) -> AccessUnit:
        unit = AccessUnit(bytes(self._head), data, shared)
        self._head.clear()
        self._data = None
        return unit


def _units_of(chunk: Chunk, body: BodyCore, splitter: _Splitter) -> Generator[AccessUnit, None, None]:
    """The units that end in this chunk, each until the next one is asked for."""
    for unit in splitter.feed(chunk.view, not body._copy):
        unit._lend(body)
        try:
            yield unit
        finally:
            unit._move_on()
            del unit


def _units(body: LaneBody, splitter: _Splitter) -> Iterator[AccessUnit]:
    for chunk in body:
        yield from _units_of(chunk, body, splitter)
    splitter.finish()


async def _async_units(body: AsyncLaneBody, splitter: _Splitter) -> AsyncIterator[AccessUnit]:
    async for chunk in body:
        with closing(_units_of(chunk, body, splitter)) as units:
            for unit in units:
                yield unit
                del unit
    splitter.finish()


@overload
def access_units(
    source: Union[LaneBody, _ThreadWork], max_bytes: int = ...
) -> Iterator[AccessUnit]: ...


@overload
def access_units(
    source: Union[AsyncLaneBody, _AsyncWork], max_bytes: int = ...
) -> AsyncIterator[AccessUnit]: ...


def access_units(source: Any, max_bytes: int = DEFAULT_MAX_BYTES) -> Any:
    """The access units of an exchange, an observation or a body: an iterator, of asyncio's an
    asynchronous one.

    Iterate once, from the start of a unit: the body's, or a keyframe. AccessUnitTruncated: the stream
    ended inside of a unit; AccessUnitTooLarge: one of more than ``max_bytes``; and as ``pull``.
    """
    body = source if isinstance(source, (LaneBody, AsyncLaneBody)) else source.request.body
    splitter = _Splitter(max_bytes)
    if isinstance(body, LaneBody):
        return _units(body, splitter)
    return _async_units(body, splitter)

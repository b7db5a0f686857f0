"""Pieces of a body: the bytes of one slot, without a copy."""

from typing import TYPE_CHECKING, Any, Callable, Optional

from ._buffers import SharedView
from ._scope import Lent, Scope
from .errors import Detached

if TYPE_CHECKING:
    from ._body import BodyCore


class Chunk(Lent):
    """The bytes of one slot.

    ``view`` is a read-only memoryview on the shared memory. It is valid until the chunk is released,
    which happens by itself when the next chunk is asked for; using it later is a ValueError.
    ``retain()`` keeps it longer, ``copy()`` makes bytes of your own.

    What was made from the view (a slice, ``numpy.frombuffer(chunk.view)``) stays valid for as long as
    it lives, and keeps the slot for as long: the client waits when the ring is full of such slots.
    """

    __slots__ = ("slot", "length", "timestamp_ns", "_body", "_shared", "_private", "_pinned", "_kept")

    def __init__(self, body: "BodyCore", slot: Any, private: Optional[bytes]) -> None:
        #: Id of the slot in its lane.
        self.slot: int = slot.id
        #: Size in bytes.
        self.length: int = slot.length
        #: CLOCK_MONOTONIC (``time.monotonic_ns``) when the slot was written.
        self.timestamp_ns: int = slot.timestamp_ns
        self._body = body
        self._private = private
        self._shared = None if private is not None else SharedView(slot.data, slot.length)
        self._pinned = False
        self._kept = False

    def __len__(self) -> int:
        return self.length

    @property
    def view(self) -> memoryview:
        """The bytes. Detached after the release."""
        if self._shared is not None and not self._body.forked:
            return self._shared.view
        if self._private is not None:
            return memoryview(self._private)
        raise Detached("the chunk was released; retain() or copy() it before")

    @property
    def retained(self) -> bool:
        """``retain`` was called."""
        return self._kept

    @property
    def released(self) -> bool:
        return self._shared is None and self._private is None

    def copy(self) -> bytes:
        """The bytes in private memory. They count only when the release, or asking for the next chunk,
        has not raised Evicted."""
        return self._private if self._private is not None else bytes(self.view)

    def retain(self) -> "Chunk":
        """Keeps the chunk when the next one is asked for: ``release`` is up to the caller then.
        Until that the client waits as soon as the ring is full of kept slots. Returns the chunk."""
        self._kept = True
        return self

    def release(self) -> None:
        """Gives the slot back; any order, any thread for a chunk that was retained and is not the
        newest. Idempotent. Evicted: drop what was made of the bytes, they may have changed."""
        self._private = None
        if self._shared is not None:
            self._body.give_back(self)

    # ---- For the body ----

    def pin(self, library: Any, reader: int) -> int:
        """Protects the slot beyond its acknowledgement. A result of the C ABI."""
        result: int = 0 if self._pinned else library.reader_pin(reader, self.slot)
        self._pinned = self._pinned or result == 0
        return result

    def let_go(self, scope: Scope, reader: int) -> int:
        """Ends the view. What lives on of it holds the slot; otherwise a pin is undone. A result of the
        C ABI: what was read may be wrong if it is negative."""
        with scope.guard:
            shared, self._shared = self._shared, None
        if shared is None:
            return 0
        result = self._end(scope, reader, shared)
        scope.take_back(self)
        return result

    def enter_letting_go(self, scope: Scope, reader: int) -> Optional[int]:
        """Begins a call, and in it ``let_go``; None when the work is over."""
        with scope.guard:
            if not scope.enter_locked():
                return None
            shared, self._shared = self._shared, None
        result = 0 if shared is None else self._end(scope, reader, shared)
        scope.take_back_inside(self)
        return result

    def _end(self, scope: Scope, reader: int, shared: SharedView) -> int:
        exporter = shared.release()
        if exporter is None:
            if self._pinned:
                scope.library.reader_unpin(reader, self.slot)
            return 0
        library, slot, result = scope.library, self.slot, 0

        def unpin() -> None:
            library.reader_unpin(reader, slot)

        def pin() -> Optional[Callable[[], None]]:
            nonlocal result
            result = self.pin(library, reader)
            return unpin if self._pinned else None

        self._outlive(scope, exporter, pin)
        return result

    def lose(self) -> None:
        self._body.lose(self)

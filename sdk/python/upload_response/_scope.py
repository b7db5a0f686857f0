"""Everything that this process holds of one stream, and when it is given back."""

from typing import TYPE_CHECKING, Any, Callable, List, Optional, Set, Tuple, Type

from ._buffers import SharedView
from ._guard import Guard
from ._head import RequestHead, read_head
from .errors import (
    Aborted,
    Detached,
    Evicted,
    HashMismatch,
    NotOwner,
    SegmentCorrupt,
    ServerGone,
    ShuttingDown,
    StaleStream,
    UploadResponseError,
    WorkerFailed,
    error_of,
)

if TYPE_CHECKING:
    from ._attachment import Attachment

#: Pins a slot; the way to undo that, or None.
Pin = Callable[[], Optional[Callable[[], None]]]
_Errors = Tuple[Type[UploadResponseError], ...]
#: Reasons that are this worker's own trouble: its log should name them.
OWN_TROUBLE: _Errors = (Evicted, HashMismatch, SegmentCorrupt, NotOwner)
#: The process leaves the stream: the server sees that by itself and decides what follows.
LEFT_TO_SERVER: _Errors = (ShuttingDown, ServerGone, Detached)
#: Errors after which nothing of the stream can be used.
_LOSSES: _Errors = OWN_TROUBLE + LEFT_TO_SERVER + (StaleStream, Aborted)


class Hold:
    """Keeps an exchange open for as long as something looks at its memory."""

    __slots__ = ("_scope", "_unpin")

    def __init__(self, scope: "Scope", unpin: Optional[Callable[[], None]]) -> None:
        self._scope, self._unpin = scope, unpin
        scope.add_view()

    def __del__(self) -> None:
        self._scope.guard.soon(self._let_go)

    def _let_go(self) -> None:
        if self._unpin is not None and not self._scope.attachment.forked:
            self._unpin()
        self._scope.drop_view()


class Lent:
    """A view that was given out."""

    def lose(self) -> None:
        """Takes it back. It has left the scope's books before. Must not raise."""
        raise NotImplementedError

    def _end_view(self, scope: "Scope", shared: SharedView, pin: Pin) -> bool:
        """Releases the view. What lives on of it keeps the exchange open, and the slot if ``pin`` can
        pin it. False: nothing lives on."""
        exporter = shared.release()
        if exporter is None:
            return False
        self._outlive(scope, exporter, pin)
        return True

    def _outlive(self, scope: "Scope", exporter: Any, pin: Pin) -> None:
        """Something that was made from the view lives on, and ``exporter`` with it."""
        exporter.hold = Hold(scope, pin())


class Scope:
    """One exchange of the C ABI. Its handles are used between ``enter`` and ``leave`` only. It is
    closed when the work is over, no call is under way, and nobody looks at its memory. Any thread."""

    def __init__(self, attachment: "Attachment", handle: int) -> None:
        self.attachment = attachment
        self.library: Any = attachment.library
        self.handle = handle
        # Read here, where nobody else knows the handle yet.
        library = self.library
        self.id: int = library.exchange_id(handle)
        self.transport: str = library.exchange_transport(handle).decode()
        self.pool: str = library.exchange_pool(handle).decode()
        self.head: RequestHead = read_head(library.exchange_head(handle)[0])
        self.request_reader: int = library.exchange_request(handle)
        self.response_writer: int = library.exchange_response(handle) or 0
        self.error: Optional[UploadResponseError] = None
        self.over = False
        self.closed = False
        self.guard = Guard()
        #: Called, each once, when something has happened to the stream or the work is over.
        self._waiters: List[Callable[[], None]] = []
        #: Chunks, and reserved slots, that have not been given back.
        self._lent: Set["Lent"] = set()
        #: What lives on of views whose chunk was released.
        self._views = 0
        self._calls = 0
        self._settled = False
        self._detaching = False
        self._writers: Set[int] = set()

    # ---- Using the handles ----

    def enter(self) -> None:
        """Begins a call; raises why the work is over. ``leave`` ends it."""
        if not self.try_enter():
            raise self.ended()

    def try_enter(self) -> bool:
        """Begins a call unless the work is over."""
        with self.guard:
            return self.enter_locked()

    def leave(self) -> None:
        with self.guard:
            self._calls -= 1
            self._tidy()

    def leave_with(self, one: "Lent") -> None:
        """Ends a call that lends ``one`` out; raises why the work is over, nothing is lent then."""
        with self.guard:
            self._calls -= 1
            over = self.over
            if not over:
                self._lent.add(one)
            self._tidy()
        if over:
            raise self.ended()

    def check(self, result: int) -> int:
        """Passes a result of the C ABI on, or raises the error that a negative one stands for. For the
        thread that got the result, before its next call."""
        if result >= 0:
            return result
        raise self.explain(error_of(result, self.attachment.detail()))

    def explain(self, error: UploadResponseError) -> UploadResponseError:
        """The better reason behind a failed call. What cannot be used any more is given up."""
        if self.inspect() is None and isinstance(error, _LOSSES):
            self.abort(error)
        return self.error or error

    def inspect(self) -> Optional[UploadResponseError]:
        """Why the stream was given up, looked at now; None while it goes on or has ended well."""
        if not self.try_enter():
            return self.error
        try:
            result: int = self.library.exchange_status(self.handle)
            error = error_of(result, self.attachment.detail()) if result < 0 else None
        finally:
            self.leave()
        if error is not None:
            self.abort(error)
        return self.error

    def ended(self) -> UploadResponseError:
        """Why nothing can be done any more: an error to raise."""
        return self.error or Detached("the exchange has ended")

    # ---- Being over ----

    def abort(self, error: UploadResponseError) -> None:
        """The stream is given up. Chunks stay valid until they are released, or ``close``."""
        self._finish(error)

    def end(self) -> None:
        """The work is done. Chunks as above."""
        self._finish(None)

    def leave_to_server(self, error: UploadResponseError) -> None:
        """As ``abort`` and ``take_views``, but nothing is given up: the whole worker detaches now, and
        the server gives the stream to another one. ``close`` must follow."""
        with self.guard:
            self._detaching = True
        self._finish(error)
        self.take_views()

    def close(self) -> None:
        """Whoever worked on the stream has returned: chunks are taken back. What was made of their
        views stays valid, and keeps the stream's place."""
        self._finish(None)
        self.take_views()
        with self.guard:
            self._detaching = False
            self._tidy()

    def take_views(self) -> None:
        """Ends every view that was given out."""
        with self.guard:
            lent = list(self._lent)
        for one in lent:
            one.lose()

    def forget(self, error: UploadResponseError) -> None:
        """This is the child of a fork, where the locks may be held by threads that are not there."""
        self.guard = Guard()
        self.over = True
        self.error = error

    def on_event(self, waiter: Callable[[], None]) -> Callable[[], None]:
        """``waiter`` runs once, when something happens. Returns the way to forget it."""
        with self.guard:
            over = self.over
            if not over:
                self._waiters.append(waiter)
        if over:
            waiter()

        def forget() -> None:
            with self.guard:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)

        return forget

    def wake(self) -> None:
        with self.guard:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter()

    def _finish(self, error: Optional[UploadResponseError]) -> None:
        with self.guard:
            if self.over:
                return
            self.error = error
            self.over = True
            self._tidy()
        self.wake()

    def _tidy(self) -> None:
        """Gives back what can be given back. Under the lock."""
        if not self.over or self.closed or self._calls > 0 or self._detaching:
            return
        if self.attachment.forked:
            return
        if not isinstance(self.error, LEFT_TO_SERVER):
            # At once, even if something still looks at the memory and the exchange stays open.
            number = (self.error or WorkerFailed()).number
            while self._writers:
                self.library.writer_fail(self._writers.pop(), -number)
        if self._lent:
            return
        if not self._settled:
            self._settled = True
            self.attachment.scope_settled(self)
        if self._views > 0:
            return
        self.closed = True
        self.library.exchange_close(self.handle)
        self.attachment.scope_closed(self)

    # ---- Writers, and views on the memory ----

    def writing(self, writer: int) -> None:
        """This writer is to be failed if the work is over before ``written``."""
        with self.guard:
            self._writers.add(writer)

    def written(self, writer: int) -> None:
        with self.guard:
            self._writers.discard(writer)

    def enter_locked(self) -> bool:
        """As ``try_enter``, under the lock."""
        if self.over:
            return False
        self._calls += 1
        return True

    def take_back_inside(self, one: "Lent") -> None:
        """As ``take_back``, between ``enter`` and ``leave``: without the lock, since a set does this
        at once and leaving tidies up."""
        self._lent.discard(one)

    def lend(self, one: "Lent") -> None:
        """Under the lock, and only while the work is not over."""
        self._lent.add(one)

    def take_back(self, one: "Lent") -> None:
        with self.guard:
            self._lent.discard(one)
            self._tidy()

    def add_view(self) -> None:
        with self.guard:
            self._views += 1

    def drop_view(self) -> None:
        """Under the lock."""
        self._views -= 1
        self._tidy()

    @property
    def in_use(self) -> bool:
        """Somebody may be looking at the memory."""
        return self._views > 0 or bool(self._lent)

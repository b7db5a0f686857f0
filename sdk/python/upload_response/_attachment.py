"""One worker's presence in one segment: a ``ur_worker``, which is used for one attachment only, since
views on an old segment may outlive the attachment to it."""

import ctypes
import os
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional

from . import _abi, _library
from ._guard import Guard
from ._head import read_head
from ._options import WorkerEvent, WorkerOptions, abi_options
from ._scope import Scope
from .errors import Detached, UploadResponseError, error_of

_BATCH = 256
PARENTS = "the worker belongs to the parent process"
#: Every attachment of this process, for the child of a fork.
_all: "weakref.WeakSet[Attachment]" = weakref.WeakSet()


class Attachment:
    """Any thread."""

    def __init__(self, options: WorkerOptions) -> None:
        """Attaches. ServerGone, NoFreeWorker, UnknownObserver, PermissionDenied, AbiMismatch ..."""
        self.library: Any = _library.load()
        self.options = options
        self.forked = False
        self.guard = Guard()
        self._scopes: Dict[int, Scope] = {}
        #: Those of them that somebody works on; of the others only views are left.
        self._busy: Dict[int, Scope] = {}
        self._over = False
        self._detached = False
        self._freed = False
        self._calls = 0
        self._missed = 0
        self._idle_callbacks: List[Callable[[], None]] = []
        self._ids = (ctypes.c_uint64 * _BATCH)()
        # Kept: the library calls it for as long as the worker lives.
        accept: Any = self._wants if options.filter else 0
        self._accept = _abi.AcceptFunction(accept)
        handle = ctypes.c_void_p()
        self._check(
            self.library.worker_new(
                ctypes.byref(abi_options(options, self._accept)), ctypes.byref(handle)
            )
        )
        self.handle: int = handle.value or 0
        try:
            self._check(self.library.worker_attach(self.handle, 0))
        except UploadResponseError:
            self._freed = True
            self.library.worker_free(self.handle)
            raise
        _all.add(self)
        info = self.info()
        self.index: int = info.index
        self.boot_id: str = bytes(info.boot_uuid).hex()

    # ---- Streams ----

    def next(self, timeout_ms: int) -> Optional[Scope]:
        """Takes a stream; None when none came in time. ServerGone, ShuttingDown, Detached."""
        with self.guard:
            if self.forked or self._over:
                raise Detached()
            self._calls += 1
        exchange = ctypes.c_void_p()
        scope = None
        try:
            result = self.library.worker_next(self.handle, timeout_ms, ctypes.byref(exchange))
            if result != _abi.EMPTY:
                self._check(result)
                scope = Scope(self, exchange.value or 0)
        finally:
            with self.guard:
                self._calls -= 1
                if scope is not None:
                    self._scopes[scope.id] = self._busy[scope.id] = scope
                gone = self._detached
                self._tidy()
        self._report_missed()
        if scope is not None and gone:
            scope.abort(Detached())
            scope.close()
            raise Detached()
        return scope

    def rung(self) -> List[int]:
        """Ids of the streams that something has happened to since the last call."""
        found: List[int] = []
        count = _BATCH
        while count == _BATCH:
            count = self._use(self.library.worker_rung, self._ids, _BATCH)
            found += self._ids[:count]
        return found

    @property
    def descriptor(self) -> int:
        """Becomes readable when there may be a stream, when a handle may go on, when the server goes."""
        return self._use(self.library.worker_fd)

    def set_capacity(self, streams: int) -> None:
        """Streams at once; 0 takes nothing more."""
        self._use(self.library.worker_set_capacity, streams)

    @property
    def connected(self) -> bool:
        """Attached, and the server is there."""
        try:
            return bool(self.info().connected == 1)
        except Detached:
            return False

    @property
    def in_flight(self) -> int:
        """Streams that are worked on."""
        return len(self._busy)

    def scopes(self) -> List[Scope]:
        with self.guard:
            return list(self._scopes.values())

    def scopes_of(self, ids: Iterable[int]) -> List[Scope]:
        """The streams of these ids that are worked on."""
        with self.guard:
            return [self._scopes[one] for one in ids if one in self._scopes]

    def info(self) -> Any:
        info = _abi.InfoStruct()
        info.size = ctypes.sizeof(info)
        self._use(self.library.worker_info_get, ctypes.byref(info))
        return info

    def detail(self) -> str:
        """What this thread's last call has said about its error."""
        return _abi.detail_of(self.library)

    # ---- Ending ----

    def stop(self) -> None:
        """Takes nothing new."""
        with self.guard:
            if not self._freed and not self.forked:
                self.library.worker_stop(self.handle)

    def abort(self, error: UploadResponseError) -> None:
        """Aborts the work on every stream."""
        for scope in self.scopes():
            scope.abort(error)

    def retire(self) -> None:
        """Frees everything when the work on the streams that were taken is over."""
        self.stop()
        with self.guard:
            self._over = True
            self._tidy()

    def detach(self, error: UploadResponseError) -> None:
        """Gives everything back at once. For the server that is as if the process had died, but where
        something still looks at the memory: it stays mapped, and everything is held, until that ends."""
        self.retire()
        scopes = self.scopes()
        for scope in scopes:
            scope.leave_to_server(error)
        if not any(scope.in_use for scope in scopes):
            with self.guard:
                free = not self._freed and not self.forked
                self._detached = True
                if free:
                    self.library.worker_detach(self.handle)
        for scope in scopes:
            scope.close()

    def forget(self) -> None:
        """This is the child of a fork: nothing is left of it here."""
        self.forked = self._over = True
        self.guard = Guard()
        self._busy.clear()
        for scope in self._scopes.values():
            scope.forget(Detached(PARENTS))

    @property
    def idle(self) -> bool:
        """Nothing is taken any more, and the work on every stream is over. Views may still be there:
        when the last one goes, the memory does."""
        return self._over and not self._busy

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Calls back when it is idle: in any thread, under a lock, maybe in a finalizer."""
        with self.guard:
            if not self.idle:
                self._idle_callbacks.append(callback)
                return
        callback()

    def scope_settled(self, scope: Scope) -> None:
        """The work is over. Called by a scope, under its lock."""
        self.guard.soon(lambda: self._forget(self._busy, scope))

    def scope_closed(self, scope: Scope) -> None:
        """Its handle is closed. Called by a scope, under its lock."""
        self.guard.soon(lambda: self._forget(self._scopes, scope))

    # ---- Inside ----

    def _forget(self, scopes: Dict[int, Scope], scope: Scope) -> None:
        """Under the lock."""
        if scopes.get(scope.id) is scope:
            del scopes[scope.id]
        self._tidy()

    def _tidy(self) -> None:
        """Under the lock."""
        if self.idle:
            while self._idle_callbacks:
                self._idle_callbacks.pop()()
        if self._freed or self.forked or not self._over or self._scopes or self._calls > 0:
            return
        self._freed = True
        self.library.worker_free(self.handle)

    def _use(self, call: Any, *arguments: Any) -> int:
        """Calls the library with the worker, which is not freed meanwhile. Detached."""
        with self.guard:
            if self.forked or self._freed:
                raise Detached()
            self._calls += 1
        try:
            return self._check(call(self.handle, *arguments))
        finally:
            with self.guard:
                self._calls -= 1
                self._tidy()

    def _check(self, result: int) -> int:
        if result < 0:
            raise error_of(result, self.detail())
        return result

    def _wants(self, head: Any, _context: Any) -> int:
        """The user's filter, called by the library inside of ``next``."""
        try:
            return 1 if self.options.filter and self.options.filter(read_head(head[0])) else 0
        except BaseException as error:  # nothing may pass through C
            self.options.failed(0, error)
            return 0

    def _report_missed(self) -> None:
        if not self.options.observes:
            return
        try:
            missed: int = self.info().missed
        except Detached:
            return
        if missed > self._missed:
            count, self._missed = missed - self._missed, missed
            self.options.report(WorkerEvent("missed", count=count))


def _forget_all() -> None:
    """In the child of a fork nothing of the parent's attachments may be touched: the memory is not
    mapped there, and the locks may be held by threads that are not there."""
    for attachment in list(_all):
        attachment.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

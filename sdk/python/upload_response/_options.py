"""What a worker is told at its start, and what it reports."""

import ctypes
import os
import sys
import traceback
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

from . import _abi
from ._head import RequestHead
from .errors import InvalidArgument, UploadResponseError

DEFAULT_CONCURRENCY = 16
MAX_CONCURRENCY = 65536

#: Where bodies begin, and the flag that says so.
STARTS = {"start": 0, "keyframe": _abi.WORKER_FROM_KEYFRAME, "newest": _abi.WORKER_FROM_NEWEST}


@dataclass(frozen=True)
class WorkerEvent:
    """What a worker reports of itself.

    ========  ==========================================================================
    attached  ``worker`` is its row in the segment, ``boot_id`` names the server's start
    detached  the server has gone; what was open is aborted with ``error``
    waiting   the server is not there (``error``); the next attempt is in ``delay_ms``
    failed    the user's code failed with ``error`` on stream ``id`` (0: in the filter)
    missed    an observer came too late for ``count`` streams and left them out
    stopped   the worker has detached for good
    ========  ==========================================================================
    """

    type: str
    id: int = 0
    error: Optional[BaseException] = None
    worker: int = -1
    boot_id: str = ""
    delay_ms: int = 0
    count: int = 0


#: Pauses between attempts grow: a server that restarts is back before they are so long.
WORTH_A_LINE_MS = 500


class Reporter:
    """The default of ``on_event``: failures, and that it waits for the server, to standard error."""

    def __init__(self) -> None:
        self._waiting = False

    def __call__(self, event: WorkerEvent) -> None:
        if event.type == "failed" and event.error is not None:
            error = event.error
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self._say(f"stream {event.id} failed: {text.rstrip()}")
        elif event.type == "waiting":
            if self._waiting or event.delay_ms < WORTH_A_LINE_MS:
                return
            self._waiting = True
            self._say(f"waits for the server: {event.error}")
        elif event.type == "attached":
            if self._waiting:
                self._say("attached to the server")
            self._waiting = False

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"upload_response worker: {text}\n")


@dataclass
class WorkerOptions:
    """What the constructors take; see docs/python-sdk.md, "Options"."""

    socket: Optional[str]
    name: Optional[str]
    concurrency: Optional[int]
    transport: Optional[str]
    stage: Optional[str]
    paths: Sequence[str]
    filter: Optional[Callable[[RequestHead], bool]]
    copy: bool
    verify: bool
    from_: str
    reconnect: bool
    wait_for_server: bool
    on_event: Callable[[WorkerEvent], None]
    #: Reads beside the worker that answers.
    observes: bool
    #: Name of the required observer that it is.
    required: Optional[str]

    def __post_init__(self) -> None:
        if self.concurrency is None:
            self.concurrency = MAX_CONCURRENCY if self.observes else DEFAULT_CONCURRENCY
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise InvalidArgument(f"concurrency must be 1..{MAX_CONCURRENCY}")
        if self.required == "":
            raise InvalidArgument("a required observer needs its name")
        if self.from_ not in STARTS:
            raise InvalidArgument(f"from_ is one of {', '.join(STARTS)}")
        if self.required is not None and self.from_ != "start":
            raise InvalidArgument("a required observer reads from the start")
        if isinstance(self.paths, str):
            raise InvalidArgument("paths is a list of paths")
        if self.name is None:
            self.name = os.environ.get("UR_WORKER_NAME") or f"python-{os.getpid()}"

    def report(self, event: WorkerEvent) -> None:
        self.on_event(event)

    def failed(self, stream: int, error: BaseException) -> None:
        self.report(WorkerEvent("failed", id=stream, error=error))


class Configured:
    """What every kind of worker is told."""

    _observes = False
    _required: Optional[str] = None

    def __init__(
        self,
        *,
        socket: Optional[str] = None,
        name: Optional[str] = None,
        concurrency: Optional[int] = None,
        transport: Optional[str] = None,
        stage: Optional[str] = None,
        paths: Sequence[str] = (),
        filter: Optional[Callable[[RequestHead], bool]] = None,
        copy: bool = False,
        verify: bool = False,
        from_: str = "start",
        reconnect: bool = True,
        wait_for_server: bool = False,
        on_event: Optional[Callable[[WorkerEvent], None]] = None,
    ) -> None:
        """Every argument is optional.

        socket: path of the control socket; default: ``UR_SOCKET``, else the server's own default.
        name: what ``top`` and metrics show; default: ``UR_WORKER_NAME``, else ``python-<pid>``.
        concurrency: streams at once, 1 to 65536; default 16, of an observer no limit.
        transport, stage: only streams of this transport, of pools that have this stage.
        paths: only these; /a means /a, /a?q and /a/b, and /a/ what lies below it.
        filter: only heads for which it returns true. Runs for every new stream: keep it quick.
        copy: chunks are private copies. verify: every slot is compared with its hash.
        from_: where bodies begin: ``"start"``; for live streams ``"keyframe"``, the newest one that is
        there or the next one, or ``"newest"``, with what comes. Required observers read from the start.
        reconnect: attach again when the server restarts. wait_for_server: wait for a first one.
        on_event: told of ``WorkerEvent``s, in whatever thread they happen; by default failures,
        and that it waits for the server, go to standard error.
        """
        self._options = WorkerOptions(
            socket=socket,
            name=name,
            concurrency=concurrency,
            transport=transport,
            stage=stage,
            paths=paths,
            filter=filter,
            copy=copy,
            verify=verify,
            from_=from_,
            reconnect=reconnect,
            wait_for_server=wait_for_server,
            on_event=on_event or Reporter(),
            observes=self._observes,
            required=self._required,
        )
        self._start()

    def _start(self) -> None:
        """The options are known."""

    @property
    def concurrency(self) -> int:
        """Streams at once."""
        return self._options.concurrency or 0


def abi_options(options: WorkerOptions, accept: object) -> _abi.OptionsStruct:
    """The options as the C ABI takes them; ``accept`` is an AcceptFunction."""

    def text(value: Optional[str]) -> Optional[bytes]:
        if value is not None and "\0" in value:
            raise InvalidArgument("an option holds a zero character")
        return os.fsencode(value) if value else None

    given = _abi.OptionsStruct()
    given.size = ctypes.sizeof(given)
    given.socket = text(options.socket)
    given.name = text(options.name)
    given.role = _abi.ROLE_OBSERVER if options.observes else _abi.ROLE_RESPONDER
    given.capacity = options.concurrency
    given.observer = text(options.required)
    given.flags = (_abi.WORKER_VERIFY if options.verify else 0) | STARTS[options.from_]
    given.transport = text(options.transport)
    given.stage = text(options.stage)
    if options.paths:
        paths = [text(path) for path in options.paths]
        given.paths = (ctypes.c_char_p * len(paths))(*paths)
        given.path_count = len(paths)
    given.accept = accept
    return given


def is_passing(error: UploadResponseError) -> bool:
    """It goes away by itself when a server comes (back)."""
    return error.code in (
        "SERVER_GONE",
        "NO_FREE_WORKER",
        "INVALID_HANDSHAKE",
        "DETACHED",
        "TIMED_OUT",
    )

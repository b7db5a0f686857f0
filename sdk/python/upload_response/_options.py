"""What a worker is told at its start, and what it reports."""

import os
import sys
import traceback
from dataclasses import dataclass, field
from typing import Callable, Optional, Sequence

from . import _abi
from ._head import RequestHead
from .errors import InvalidArgument, UploadResponseError

DEFAULT_CONCURRENCY = 16
MAX_CONCURRENCY = 65536


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


def report_failures(event: WorkerEvent) -> None:
    """The default of ``on_event``: failures go to standard error, everything else nowhere."""
    if event.type != "failed" or event.error is None:
        return
    error = event.error
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    sys.stderr.write(f"upload_response worker: stream {event.id} failed: {text}")


@dataclass(frozen=True)
class Observer:
    """The required observer that a worker is: no response passes without its verdict. The server must
    know the name (``segment.requiredObservers``), and processes of one name share the duty."""

    name: str


@dataclass
class WorkerOptions:
    """See docs/python-sdk.md, "Options"."""

    socket: Optional[str] = None
    name: Optional[str] = None
    concurrency: Optional[int] = None
    observer: "bool | Observer" = False
    transport: Optional[str] = None
    stage: Optional[str] = None
    paths: Sequence[str] = field(default_factory=tuple)
    filter: Optional[Callable[[RequestHead], bool]] = None
    copy: bool = False
    verify: bool = False
    reconnect: bool = True
    wait_for_server: bool = False
    on_event: Callable[[WorkerEvent], None] = report_failures

    def __post_init__(self) -> None:
        if self.concurrency is None:
            self.concurrency = MAX_CONCURRENCY if self.observer else DEFAULT_CONCURRENCY
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise InvalidArgument(f"concurrency must be 1..{MAX_CONCURRENCY}")
        if isinstance(self.observer, Observer) and not self.observer.name:
            raise InvalidArgument("a required observer needs its name")
        if isinstance(self.paths, str):
            raise InvalidArgument("paths is a list of paths")
        if self.name is None:
            self.name = os.environ.get("UR_WORKER_NAME") or f"python-{os.getpid()}"

    @property
    def observes(self) -> bool:
        return bool(self.observer)

    @property
    def required(self) -> bool:
        """It is a required observer."""
        return isinstance(self.observer, Observer)

    def report(self, event: WorkerEvent) -> None:
        self.on_event(event)

    def failed(self, stream: int, error: BaseException) -> None:
        self.report(WorkerEvent("failed", id=stream, error=error))


def abi_options(options: WorkerOptions, accept: object) -> _abi.OptionsStruct:
    """The options as the C ABI takes them; ``accept`` is an AcceptFunction."""

    def text(value: Optional[str]) -> Optional[bytes]:
        if value is not None and "\0" in value:
            raise InvalidArgument("an option holds a zero character")
        return os.fsencode(value) if value else None

    given = _abi.OptionsStruct()
    given.size = _abi.sizeof(given)
    given.socket = text(options.socket)
    given.name = text(options.name)
    given.role = _abi.ROLE_OBSERVER if options.observes else _abi.ROLE_RESPONDER
    given.capacity = options.concurrency
    if isinstance(options.observer, Observer):
        given.observer = text(options.observer.name)
    given.flags = _abi.WORKER_VERIFY if options.verify else 0
    given.transport = text(options.transport)
    given.stage = text(options.stage)
    given.paths = (_abi.c_char_p * len(options.paths))(*[text(path) for path in options.paths])
    given.path_count = len(options.paths)
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

"""One stream that a worker works on: what exchanges and observations have in common, with threads and
with asyncio."""

from typing import Any, Generic, Optional, Type, TypeVar

from ._body import BodyCore, reader_of
from ._head import HeadersInput, RequestHead, make_fields
from ._options import WorkerOptions
from ._scope import LEFT_TO_SERVER, OWN_TROUBLE, Scope
from ._writer import WriterCore, claim_of
from .errors import (
    InvalidArgument,
    LaneEnded,
    Unsupported,
    UploadResponseError,
    WorkerFailed,
)

B = TypeVar("B", bound=BodyCore)
W = TypeVar("W", bound=WriterCore)


class StreamWork(Generic[B, W]):
    """A stream that was taken."""

    _body_type: Type[B]
    _writer_type: Type[W]

    def __init__(self, scope: Scope, options: WorkerOptions) -> None:
        self._scope = scope
        self._options = options
        self._finished = False
        #: Id of the stream: unique within the segment.
        self.id: int = scope.id
        #: Name of the transport that brought the request.
        self.transport: str = scope.transport
        #: Name of the pool that the stream is in.
        self.pool: str = scope.pool
        self._head: RequestHead = scope.head
        self._body: B = self._body_type(scope, scope.request_reader, options.copy)

    @property
    def error(self) -> Optional[UploadResponseError]:
        """Why nobody needs the work any more, looked at now: ClientGone, ResponseTimeout, Evicted,
        ServerGone, StaleStream, ShuttingDown ... None while it goes on, and after a regular end."""
        return self._scope.inspect()

    def stage(self, name: str) -> W:
        """Claims a named stage lane and writes it. UnknownStage, AlreadyClaimed, StaleStream."""
        return self._writer_type(self._scope, claim_of(self._scope, self._stage_lane(name)))

    def read_stage(self, name: str) -> B:
        """Reads a named stage lane from its start, whether it has begun or not. A stage whose writer
        has failed or died ends with its error. UnknownStage, NoFreeReader, Lapped, StaleStream."""
        reader = reader_of(self._scope, self._stage_lane(name))
        return self._body_type(self._scope, reader, self._options.copy)

    def _stage_lane(self, name: str) -> int:
        scope = self._scope
        scope.enter()
        try:
            return scope.check(scope.library.exchange_stage(scope.handle, name.encode()))
        finally:
            scope.leave()

    # ---- Ends ----

    def _has_thrown(self, error: BaseException) -> None:
        """The user's code has raised ``error``."""
        # After an abort it was right to raise, and nobody waits for what it did.
        if self._scope.error is None and not isinstance(error, GeneratorExit):
            self._options.failed(self.id, error)
        self._give(error)

    def _end_work(self) -> None:
        """The user's code has returned: everything that it has not ended is ended."""
        self._finished = True
        trouble = self._scope.error
        if trouble is not None and isinstance(trouble, OWN_TROUBLE):
            self._options.failed(self.id, trouble)
        self._scope.close()

    def finish(self) -> None:
        """Ends the work: what is missing by now is a failure, and is reported. Idempotent."""
        if self._finished:
            return
        try:
            self._complete()
        except UploadResponseError as error:
            self._has_thrown(error)
        self._end_work()

    def _complete(self) -> None:
        """Raises what is missing."""
        raise NotImplementedError

    def _give(self, error: BaseException) -> None:
        """The user's code has failed with ``error``."""
        raise NotImplementedError


class ExchangeCore(StreamWork[B, W]):
    """A request and the right to answer it."""

    def __init__(self, scope: Scope, options: WorkerOptions) -> None:
        super().__init__(scope, options)
        self._response: W = self._writer_type(scope, scope.response_writer)
        self._response.ends_work = True
        self._status = 0

    @property
    def responded(self) -> bool:
        """``respond`` has been called."""
        return self._status > 0

    def respond(self, status: int = 200, headers: Optional[HeadersInput] = None) -> W:
        """Writes the head of the answer; the client gets it at once. The request's body may be read on
        while the answer is written; after the answer's end it cannot.

        ``status`` is 200 to 599. InvalidArgument, LaneEnded when called twice, SlotTooLarge, an Hpks
        error for a header that is not valid, or why nobody needs the answer any more."""
        if self._status > 0:
            raise LaneEnded("respond was called before")
        scope = self._scope
        fields, count = make_fields(headers)
        scope.enter()
        try:
            scope.check(
                scope.library.exchange_respond(scope.handle, int(status), fields, count)
            )
        finally:
            scope.leave()
        self._status = int(status)
        return self._response

    def fail(self, error: Optional[BaseException] = None) -> None:
        """Gives up: the client gets a 502, or a reset when the answer has begun. An error of this
        package is told to the server by its number, any other is WorkerFailed. Idempotent."""
        if not self._scope.over:
            self._give(error or WorkerFailed())

    def _complete(self) -> None:
        if self._response.ended or self._scope.over:
            return
        if self.responded:
            raise WorkerFailed("response.end() was not called")
        raise WorkerFailed("nothing was answered")

    def _give(self, error: BaseException) -> None:
        self._scope.abort(error if isinstance(error, UploadResponseError) else WorkerFailed())


class ObservationCore(StreamWork[B, W]):
    """A request that this worker reads beside the one that answers it."""

    def __init__(self, scope: Scope, options: WorkerOptions) -> None:
        super().__init__(scope, options)
        #: The response waits for this observer's verdict.
        self.required = options.required is not None
        self._decided = False

    @property
    def decided(self) -> bool:
        """A verdict was given."""
        return self._decided

    def accept(self) -> None:
        """Lets the response through and ends the observation. Only the first verdict counts."""
        if self.required:
            self._verdict(lambda scope: scope.library.exchange_accept(scope.handle))
        self._scope.end()

    def veto(self, status: int = 422, reason: str = "") -> None:
        """Refuses the upload: the client gets ``status`` (400 to 599) and ``reason`` (at most 112 bytes
        of UTF-8) instead of the response. Unsupported for an observer that is not required,
        InvalidArgument."""
        if not self.required:
            raise Unsupported("only a required observer has a veto")
        if not 400 <= status <= 599:
            raise InvalidArgument("a veto has a status between 400 and 599")
        text = _cut(reason.replace("\0", " "))
        self._verdict(lambda scope: scope.library.exchange_veto(scope.handle, status, text))
        self._scope.end()

    def _verdict(self, give: Any) -> None:
        if self._decided:
            return
        scope = self._scope
        scope.enter()
        try:
            scope.check(give(scope))
            self._decided = True
        finally:
            scope.leave()

    def _complete(self) -> None:
        if self.required and not self._decided and not self._scope.over:
            raise WorkerFailed("a required observer must accept() or veto()")

    def _give(self, error: BaseException) -> None:
        if isinstance(error, LEFT_TO_SERVER) or self._scope.over:
            return
        if self.required and not self._decided:
            self._verdict(
                lambda scope: scope.library.exchange_veto(scope.handle, 502, b"the observer failed")
            )
        self._scope.end()


_MAX_REASON_BYTES = 112


def _cut(reason: str) -> bytes:
    """As much of the reason as is kept, without half of a character at its end."""
    return reason.encode()[:_MAX_REASON_BYTES].decode("utf-8", "ignore").encode()

"""One request of an ASGI application: https://asgi.readthedocs.io, HTTP, spec version 2.3."""

import asyncio
from typing import Any, Awaitable, Callable, Dict, List, MutableMapping, Optional, Tuple
from urllib.parse import unquote

from ._async_work import AsyncExchange, AsyncLaneWriter
from .errors import UploadResponseError

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]

ASGI = {"version": "3.0", "spec_version": "2.3"}
_HTTP_VERSIONS = {1: "1.1", 2: "2", 3: "3"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SERVER_ERROR = b"Internal Server Error"
#: Names the client of a transport that has no HTTP head, where nobody else can have written it.
_PEER_FIELD = "x-peer-addr"


class Mounting:
    """How requests are shown to the application."""

    def __init__(self, root_path: str = "", strip: bool = False, client_field: str = "") -> None:
        """root_path: where the application is mounted, for the links that it makes. strip: its routes do
        not know that; ``path`` is what follows. client_field: the header in which a proxy in front of
        the server names the client; its last entry counts."""
        self.root_path = root_path.rstrip("/")
        self.strip = strip
        self.client_field = client_field

    def path_of(self, path: str) -> str:
        root = self.root_path
        if self.strip and root and (path == root or path.startswith(f"{root}/")):
            return path[len(root) :] or "/"
        return path

    def client_of(self, exchange: AsyncExchange) -> Optional[Tuple[str, int]]:
        request = exchange.request
        if self.client_field:
            text = (request.header(self.client_field) or "").split(",")[-1]
        elif exchange.transport.startswith(("http", "websocket")):
            return None  # a head that the client has written says nothing of it
        else:
            text = request.header(_PEER_FIELD) or ""
        return _address_of(text.strip())

    def scope_of(self, exchange: AsyncExchange, state: Dict[str, Any]) -> Message:
        """The connection scope."""
        request = exchange.request
        raw_path, _, query = request.path.partition("?")
        scheme = request.scheme or "http"
        authority = request.authority or request.header("host") or ""
        return {
            "type": "http",
            "asgi": ASGI,
            "http_version": _HTTP_VERSIONS.get(request.version, "1.1"),
            "method": request.method.upper(),
            "scheme": scheme,
            "path": self.path_of(unquote(raw_path)),
            "raw_path": raw_path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": self.root_path,
            "headers": _fields_of(exchange),
            "client": self.client_of(exchange),
            "server": _address_of(authority, _DEFAULT_PORTS.get(scheme, 0)),
            "state": state.copy(),
            "extensions": {"http.response.trailers": {}, "upload_response": {"exchange": exchange}},
        }


def _fields_of(exchange: AsyncExchange) -> List[Tuple[bytes, bytes]]:
    fields = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in exchange.request.headers
    ]
    authority = exchange.request.authority
    # HTTP/2 and 3 carry it beside the fields, and applications look for it there.
    if authority and not any(name == b"host" for name, _ in fields):
        fields.insert(0, (b"host", authority.encode("latin-1")))
    return fields


def _address_of(text: str, default_port: int = 0) -> Optional[Tuple[str, int]]:
    """``host:port``, ``[v6]:port`` or an address alone."""
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or (":" in host and not host.endswith("]")):
        host, port = text, str(default_port)
    return host.strip("[]"), int(port)


class Cycle:
    """The application's side of one exchange."""

    def __init__(self, exchange: AsyncExchange) -> None:
        self._exchange = exchange
        self._receiving = asyncio.Lock()
        self._body_read = False
        self._head: Optional[Message] = None
        self._writer: Optional[AsyncLaneWriter] = None
        self._body_written = False
        self._completed = asyncio.Event()
        self._trailers: List[Tuple[bytes, bytes]] = []

    async def receive(self) -> Message:
        """The next piece of the body; then ``http.disconnect``, when the answer is complete or the
        client has gone."""
        async with self._receiving:
            if not self._body_read and not self._completed.is_set():
                try:
                    chunk = await self._exchange.request.body.pull()
                except UploadResponseError:
                    self._body_read = True
                    return {"type": "http.disconnect"}
                if chunk is not None:
                    return {"type": "http.request", "body": chunk.copy(), "more_body": True}
                self._body_read = True
                return {"type": "http.request", "body": b"", "more_body": False}
        await self._until_over()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Answers. Nothing happens when the client has gone: the application hears of that by
        ``receive``."""
        kind = message["type"]
        try:
            if kind == "http.response.start":
                self._start(message)
            elif kind == "http.response.body":
                await self._write(message)
            elif kind == "http.response.trailers":
                await self._end_with(message)
            else:
                raise RuntimeError(f"an unexpected ASGI message: {kind}")
        except UploadResponseError:
            if self._exchange.error is None:
                raise
            self._completed.set()

    async def run(self, application: Application, scope: Message) -> None:
        """Runs the application. What it raises is raised here, after a 500 where that is possible."""
        try:
            await application(scope, self.receive, self.send)
        except BaseException:
            await self._excuse()
            raise
        if not self._completed.is_set() and self._exchange.error is None:
            await self._excuse()
            raise RuntimeError("the ASGI application returned without a complete response")

    async def _excuse(self) -> None:
        if self._writer is None and self._exchange.error is None:
            fields = [("content-type", "text/plain; charset=utf-8")]
            await self._exchange.respond(500, fields).end(_SERVER_ERROR)

    def _start(self, message: Message) -> None:
        if self._head is not None:
            raise RuntimeError("http.response.start was sent twice")
        self._head = message

    async def _write(self, message: Message) -> None:
        if self._head is None:
            raise RuntimeError("http.response.body was sent before http.response.start")
        if self._body_written:
            raise RuntimeError("http.response.body was sent after the last one")
        if self._exchange.error is not None:
            self._completed.set()
            return
        if self._writer is None:
            # Not before: an application that fails until here is answered with 500.
            self._writer = self._exchange.respond(self._head["status"], self._head.get("headers"))
        body = message.get("body", b"")
        more = message.get("more_body", False)
        self._body_written = not more
        if not more and not self._head.get("trailers", False):
            await self._writer.end(body)
            self._completed.set()
        elif body:
            await self._writer.write(body)

    async def _end_with(self, message: Message) -> None:
        if self._writer is None or not self._body_written:
            raise RuntimeError("http.response.trailers was sent before the last body")
        self._trailers.extend(message.get("headers", ()))
        if not message.get("more_trailers", False):
            await self._writer.end(trailers=self._trailers)
            self._completed.set()

    async def _until_over(self) -> None:
        """Waits until the answer is complete or nobody needs it."""
        if self._completed.is_set():
            return
        waits = [
            asyncio.ensure_future(self._completed.wait()),
            asyncio.ensure_future(self._exchange.gone()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

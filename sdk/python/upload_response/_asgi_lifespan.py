"""The start and the end of an ASGI application: lifespan, spec version 2.0."""

import asyncio
from typing import Any, Dict, Optional

from ._asgi_cycle import ASGI, Application, Message


class LifespanError(Exception):
    """The application says that it cannot start, or has failed while it ended."""


class Lifespan:
    """Runs the application's lifespan in a task of its own. An application that raises before it has
    answered anything does not know of lifespans: it is served without, unless it must."""

    def __init__(self, application: Application, mode: str = "auto") -> None:
        """mode: ``auto``, ``on`` (it must know) or ``off``."""
        self._application = application
        self._mode = mode
        #: What the application keeps for its requests.
        self.state: Dict[str, Any] = {}
        self._messages: "asyncio.Queue[Message]" = asyncio.Queue()
        self._answer: "Optional[asyncio.Future[None]]" = None
        self._task: "Optional[asyncio.Task[None]]" = None
        self._answered = False

    async def start(self) -> None:
        """Returns when the application is ready. LifespanError."""
        if self._mode == "off":
            return
        self._task = asyncio.ensure_future(self._run())
        await self._ask("lifespan.startup")

    async def end(self) -> None:
        """Returns when the application has ended. LifespanError."""
        if self._task is None or self._task.done():
            return
        await self._ask("lifespan.shutdown")
        await asyncio.wait({self._task})

    async def _ask(self, kind: str) -> None:
        assert self._task is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._messages.put_nowait({"type": kind})
        await asyncio.wait({self._answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._answer.done():
            self._answer.result()
            return
        error = self._task.exception()
        if error is None or (not self._answered and self._mode == "auto"):
            return
        raise LifespanError(f"{kind}: {error!r}") from error

    async def _run(self) -> None:
        scope: Message = {"type": "lifespan", "asgi": ASGI, "state": self.state}
        await self._application(scope, self._messages.get, self._send)

    async def _send(self, message: Message) -> None:
        self._answered = True
        assert self._answer is not None
        kind = message["type"]
        if self._answer.done():
            raise RuntimeError(f"{kind} was sent twice")
        if kind.endswith(".complete"):
            self._answer.set_result(None)
        elif kind.endswith(".failed"):
            self._answer.set_exception(LifespanError(message.get("message", "") or kind))
        else:
            raise RuntimeError(f"an unexpected ASGI message: {kind}")

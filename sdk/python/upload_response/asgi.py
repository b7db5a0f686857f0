"""Runs an ASGI application (FastAPI, Starlette, Django, ...) as a worker process:

    python -m upload_response.asgi module:application
"""

import argparse
import asyncio
import importlib
import os
import sys
from typing import Any, List, Optional

from ._asgi_cycle import Application, Cycle, Mounting
from ._asgi_lifespan import Lifespan, LifespanError
from ._async_work import AsyncExchange
from ._options import Reporter, WorkerEvent
from .aio import AsyncWorker
from .errors import InvalidApplication, UploadResponseError
from .signals import stop_on_loop_signals

__all__ = ["load", "main", "serve"]


def load(name: str, factory: bool = False) -> Application:
    """The application that ``module:attribute`` names; ``factory``: what the attribute returns when it
    is called. InvalidApplication."""
    module_name, _, attribute = name.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise InvalidApplication(f"{name}: {error}") from error
    for part in (attribute or "application").split("."):
        found = getattr(found, part, None)
    if found is None:
        raise InvalidApplication(f"{module_name} has no {attribute or 'application'}")
    if factory:
        found = found()
    if not callable(found):
        raise InvalidApplication(f"{name} is no ASGI application")
    return found  # type: ignore[no-any-return]


async def serve(
    application: Application,
    worker: AsyncWorker,
    *,
    mounting: Optional[Mounting] = None,
    lifespan: str = "auto",
    deadline_ms: Optional[int] = None,
    handle_signals: bool = True,
) -> None:
    """Serves the application with a worker that is not attached yet, until that is stopped. Several
    requests run at once, as many as the worker's concurrency. LifespanError, and as ``attach``."""
    life = Lifespan(application, lifespan)
    shown = mounting or Mounting()

    async def handle(exchange: AsyncExchange) -> None:
        await Cycle(exchange).run(application, shown.scope_of(exchange, life.state))

    await life.start()
    try:
        undo = stop_on_loop_signals(worker, deadline_ms=deadline_ms) if handle_signals else None
        try:
            async with worker:
                await worker.run(handle)
        finally:
            if undo is not None:
                undo()
    finally:
        await life.end()


class _Reporter(Reporter):
    """Somebody looks at this process as at a server: each attachment has a line."""

    def __call__(self, event: WorkerEvent) -> None:
        if event.type == "attached":
            sys.stderr.write(f"upload_response.asgi: attached as worker {event.worker}\n")
            self._waiting = False
        elif event.type == "detached":
            sys.stderr.write(f"upload_response.asgi: {event.error}\n")
        else:
            super().__call__(event)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m upload_response.asgi",
        description="Runs an ASGI application as a worker process of upload-response.",
    )
    add = parser.add_argument
    add("application", help="module:attribute; the attribute is 'application' where none is given")
    add("--socket", help="control socket of the server (default: UR_SOCKET, else the server's own)")
    add("--name", help="what 'upload-response top' shows")
    add("--capacity", type=int, default=16, metavar="N", help="requests at once (default: 16)")
    add("--path", action="append", default=[], metavar="PATH", help="only requests below it; again")
    add("--root-path", default="", metavar="PATH", help="where the application is mounted")
    add("--mount", metavar="PATH", help="the same, for routes that do not know it: it is cut off")
    add("--client-header", default="", metavar="NAME", help="field in which a proxy names clients")
    add("--lifespan", choices=("auto", "on", "off"), default="auto")
    add("--deadline-ms", type=int, metavar="MS", help="after SIGTERM (default: as long as it takes)")
    add("--app-dir", default=".", metavar="DIR", help="where modules are looked for first")
    add("--factory", action="store_true", help="the attribute is a function that makes it")
    return parser


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs the command line; returns the exit code."""
    given = _parser().parse_args(arguments)
    sys.path.insert(0, os.path.abspath(given.app_dir))
    root = given.mount if given.mount is not None else given.root_path
    try:
        application = load(given.application, given.factory)
        worker = AsyncWorker(
            socket=given.socket,
            name=given.name,
            concurrency=given.capacity,
            paths=given.path,
            wait_for_server=True,
            on_event=_Reporter(),
        )
        asyncio.run(
            serve(
                application,
                worker,
                mounting=Mounting(root, given.mount is not None, given.client_header),
                lifespan=given.lifespan,
                deadline_ms=given.deadline_ms,
            )
        )
    except (UploadResponseError, LifespanError) as error:
        remedy = getattr(error, "remedy", "")
        sys.stderr.write(f"upload_response.asgi: {error}\n{remedy}\n" if remedy else f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

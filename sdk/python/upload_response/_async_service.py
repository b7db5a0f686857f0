"""What keeps a worker of asyncio attached: the descriptor in the loop, and the way to the next server."""

import asyncio
import os
from typing import Dict, Optional

from ._attachment import Attachment
from ._options import WorkerEvent, is_passing
from ._retry import delays_ms
from ._service import Service
from .errors import Detached, ServerGone, UploadResponseError


class AsyncService(Service):
    """For the loop's thread."""

    def _start(self) -> None:
        super()._start()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._begun_stop = False
        self._renewal: "Optional[asyncio.Task[None]]" = None
        self._changed: Optional[asyncio.Event] = None
        #: The descriptors that the loop watches.
        self._watched: Dict[Attachment, int] = {}

    def _pump(self) -> None:
        """Takes the streams that are there and wanted."""
        raise NotImplementedError

    def _refuse_with(self, error: UploadResponseError) -> None:
        """There will be no server any more."""
        raise NotImplementedError

    def _is_stopping(self) -> bool:
        return self._begun_stop

    async def _change(self) -> None:
        """Waits until something has changed."""
        assert self._changed is not None
        self._changed.clear()
        await self._changed.wait()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()

    async def _until_left(self) -> None:
        while self._leaving():
            await self._change()

    def _readable(self, attachment: Attachment) -> None:
        """The descriptor says that something has happened."""
        try:
            rung = attachment.rung()
        except Detached:
            return
        for scope in attachment.scopes_of(rung):
            scope.inspect()
            scope.wake()
        if not attachment.connected:
            self._lost(attachment)
        elif attachment is self._attachment:
            self._pump()

    def _lost(self, attachment: Attachment) -> None:
        if attachment is not self._attachment:
            attachment.abort(ServerGone())
            return
        self._has_gone(attachment)
        self._notify()
        if self._failure is not None:
            self._refuse_with(self._failure)
        elif not self._begun_stop and self._loop is not None:
            self._renewal = self._loop.create_task(self._renew_or_fail())

    async def _renew_or_fail(self) -> None:
        try:
            await self._renew(True)
        except UploadResponseError as error:
            self._refuse_with(error)
        finally:
            self._renewal = None

    async def _renew(self, patient: bool) -> None:
        assert self._loop is not None
        for delay_ms in delays_ms():
            if self._begun_stop:
                return
            try:
                # Attaching waits for the server's answer.
                attachment = await self._loop.run_in_executor(None, Attachment, self._options)
            except UploadResponseError as error:
                if not patient or not is_passing(error):
                    raise
                self._options.report(WorkerEvent("waiting", error=error, delay_ms=delay_ms))
                await self._pause(delay_ms / 1000)
                continue
            self._watch(attachment)
            self._attached(attachment)
            if self._begun_stop:
                attachment.stop()
            self._pump()
            return

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._change(), seconds)
        except asyncio.TimeoutError:
            pass

    def _watch(self, attachment: Attachment) -> None:
        assert self._loop is not None
        loop = self._loop
        # One of our own: the attachment closes its descriptor by itself, in any thread.
        descriptor = os.dup(attachment.descriptor)
        self._watched[attachment] = descriptor
        loop.add_reader(descriptor, self._readable, attachment)

        def ended() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._forget, attachment)

        attachment.when_idle(ended)

    def _forget(self, attachment: Attachment) -> None:
        descriptor = self._watched.pop(attachment, -1)
        if descriptor >= 0:
            assert self._loop is not None
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        self._notify()

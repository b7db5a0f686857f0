"""What keeps a worker attached: the same with threads and with asyncio."""

import os
import weakref
from typing import List, Optional

from ._attachment import PARENTS, Attachment
from ._options import Configured, WorkerEvent
from .errors import Detached, ServerGone, UploadResponseError

#: Every worker of this process, for the child of a fork.
_all: "weakref.WeakSet[Service]" = weakref.WeakSet()


class Service(Configured):
    """The attachment of a worker, and those before that still have work."""

    _attachment: Optional[Attachment] = None
    _failure: Optional[UploadResponseError] = None
    _stopped = False

    def _start(self) -> None:
        _all.add(self)

    @property
    def state(self) -> str:
        """``attached``, ``waiting`` for a server, ``stopping`` or ``stopped``."""
        if self._stopped:
            return "stopped"
        if self._is_stopping():
            return "stopping"
        return "waiting" if self._attachment is None else "attached"

    @property
    def index(self) -> int:
        """Own row of the segment, as ``upload-response top`` shows it; -1 while the server is away."""
        attachment = self._attachment
        return -1 if attachment is None else attachment.index

    @property
    def in_flight(self) -> int:
        """Streams that are being worked on."""
        attachment = self._attachment
        return 0 if attachment is None else attachment.in_flight

    def _after_fork(self) -> None:
        """This is the child of a fork: nothing can be taken here."""
        self._failure = Detached(PARENTS)

    def _is_stopping(self) -> bool:
        raise NotImplementedError

    def _leaving(self) -> List[Attachment]:
        """The attachments that take nothing more and still have work."""
        self._left = [one for one in self.__dict__.get("_left", []) if not one.idle]
        return self._left

    def _attached(self, attachment: Attachment) -> None:
        self._attachment = attachment
        event = WorkerEvent("attached", worker=attachment.index, boot_id=attachment.boot_id)
        self._options.report(event)

    def _retire(self) -> None:
        """The attachment takes nothing more, and is freed when its work is over."""
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            self._leaving().append(attachment)
            attachment.retire()

    def _has_gone(self, attachment: Attachment) -> None:
        """The server has gone: what was open is aborted."""
        error = ServerGone()
        self._retire()
        attachment.abort(error)
        self._options.report(WorkerEvent("detached", error=error))
        if not self._options.reconnect:
            self._failure = error

    def _has_stopped(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._options.report(WorkerEvent("stopped"))


def _forget_all() -> None:
    for service in list(_all):
        service._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

"""Workers for upload-response in Python: docs/python-sdk.md.

A worker maps the server's shared memory, reads requests out of it while they arrive, and writes the
answers into it. ``Worker`` and ``Observer`` are for threads, ``AsyncWorker`` and ``AsyncObserver`` for
asyncio; ``python -m upload_response.asgi`` runs an ASGI application.
"""

from . import errors
from ._access_units import AccessUnit, access_units
from ._async_work import (
    AsyncExchange,
    AsyncLaneBody,
    AsyncLaneWriter,
    AsyncObservation,
    AsyncRequest,
)
from ._buffers import BodyData
from ._chunk import Chunk
from ._head import Header, HeadersInput, RequestHead
from ._options import WorkerEvent
from ._request import DEFAULT_BODY_LIMIT
from ._threaded import Exchange, LaneBody, LaneWriter, Observation, Request
from .aio import AsyncObserver, AsyncWorker
from .errors import UploadResponseError
from .signals import stop_on_loop_signals, stop_on_signals
from .worker import Observer, Worker

__all__ = [
    "AccessUnit",
    "AsyncExchange",
    "AsyncLaneBody",
    "AsyncLaneWriter",
    "AsyncObservation",
    "AsyncObserver",
    "AsyncRequest",
    "AsyncWorker",
    "BodyData",
    "Chunk",
    "DEFAULT_BODY_LIMIT",
    "Exchange",
    "Header",
    "HeadersInput",
    "LaneBody",
    "LaneWriter",
    "Observation",
    "Observer",
    "Request",
    "RequestHead",
    "UploadResponseError",
    "Worker",
    "WorkerEvent",
    "access_units",
    "errors",
    "stop_on_loop_signals",
    "stop_on_signals",
]

"""What the tests with asyncio share."""

import asyncio
import unittest
from typing import Any, Callable, List

from support import POOLS, WATCHDOG_SECONDS, Server

from upload_response import AsyncObserver, AsyncWorker, WorkerEvent


async def aside(call: Callable[..., Any], *arguments: Any) -> Any:
    """Runs a call that waits in a thread."""
    loop = asyncio.get_running_loop()
    return await asyncio.wait_for(loop.run_in_executor(None, call, *arguments), WATCHDOG_SECONDS)


async def until(condition: Callable[[], Any], what: str) -> Any:
    for _ in range(int(WATCHDOG_SECONDS / 0.002)):
        result = condition()
        if result:
            return result
        await asyncio.sleep(0.002)
    raise AssertionError(f"waited in vain for {what}")


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    config: Any = {
        "segment": {
            "pools": [{**POOLS[0], "stages": ["text"]}],
            "requiredObservers": ["scan"],
        },
        "limits": {"observerLingerMs": 20_000},
    }
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(cls.config)
        cls.addClassCleanup(cls.server.stop)

    async def asyncSetUp(self) -> None:
        self.events: List[WorkerEvent] = []

    def failures(self) -> List[BaseException]:
        return [one.error for one in self.events if one.type == "failed" and one.error]

    def worker(self, **options: Any) -> AsyncWorker:
        options = {"socket": self.server.socket, "on_event": self.events.append, **options}
        return AsyncWorker(**options)

    def scan(self) -> AsyncObserver:
        return AsyncObserver(
            required="scan", socket=self.server.socket, on_event=self.events.append
        )

    async def until_free(self) -> None:
        await aside(self.server.until_free)

"""A program that uses the SDK's types, for the type checker."""

import asyncio
from typing import Iterator, List, Tuple

from upload_response import (
    AsyncExchange,
    AsyncObserver,
    AsyncWorker,
    Exchange,
    Observation,
    Observer,
    RequestHead,
    Worker,
    WorkerEvent,
    errors,
    stop_on_signals,
)


def wants(head: RequestHead) -> bool:
    return head.method == "PUT"


def heard(event: WorkerEvent) -> None:
    print(event.type, event.error)


def handler(exchange: Exchange) -> Iterator[bytes]:
    fields: Tuple[Tuple[str, str], ...] = exchange.request.headers
    exchange.respond(200, {"x-count": len(fields), "x-many": ["a", "b"]})
    for chunk in exchange.request.body:
        view: memoryview = chunk.view
        yield view.tobytes()


def scan(observation: Observation) -> None:
    if b"x" in observation.request.bytes():
        observation.veto(422, "x")
    else:
        observation.accept()


async def main() -> None:
    async with AsyncWorker(filter=wants, on_event=heard) as worker:
        async for exchange in worker:
            await answer(exchange)
    async with AsyncObserver(required="scan") as observer:
        await observer.run(lambda one: one.request.body.discard())


async def answer(exchange: AsyncExchange) -> None:
    response = exchange.respond(200, [("a", "b")])
    sizes: List[int] = []
    try:
        async for chunk in exchange.request.body:
            sizes.append(len(chunk))
            await response.write(chunk.view)
    except errors.ClientGone as error:
        code: str = error.code
        print(code)
        raise
    await response.end(trailers={"x-sizes": str(sizes)})


if __name__ == "__main__":
    with Worker(paths=["/upload"], concurrency=2) as worker, Observer() as observer:
        stop_on_signals(worker, deadline_ms=1000)
        for taken in worker:
            taken.run(handler)
        observer.run(scan, threads=1)
    asyncio.run(main())

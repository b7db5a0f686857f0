"""The same with asyncio."""

import asyncio
import gc
import hashlib
import os
import signal
import threading
import unittest
from typing import Any, Awaitable, Callable, List

from support import POOLS, SLOT_BYTES, WATCHDOG_SECONDS, Server, Upload, put
from test_lifecycle import descriptors, segments_mapped

from upload_response import (
    AsyncExchange,
    AsyncObservation,
    AsyncObserver,
    AsyncWorker,
    WorkerEvent,
    errors,
    stop_on_loop_signals,
)

SLOTS = POOLS[0]["requestSlots"]


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
        "limits": {"evictAfterMs": 1000, "observerLingerMs": 20_000},
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


class PlainAsyncTest(AsyncTest):
    config = {"segment": {"pools": POOLS}, "limits": {"evictAfterMs": 1000}}

    async def test_a_body_is_read_while_it_arrives_and_the_answer_comes_meanwhile(self) -> None:
        async with self.worker() as worker:
            upload = await aside(Upload, self.server)
            async with await worker.next() as exchange:
                response = exchange.respond(200, {"x-one": "1"})
                self.assertEqual(await aside(upload.read_head), 200)
                for number in range(3 * SLOTS):
                    piece = os.urandom(1000 + number)
                    upload.send(piece)
                    chunk = await exchange.request.body.pull()
                    self.assertEqual(chunk.view, piece)
                    await response.write(chunk.view)
                    self.assertEqual(await aside(upload.read_piece), piece)
                upload.end("x-sum: 42\r\n")
                self.assertIsNone(await exchange.request.body.pull())
                self.assertEqual(exchange.request.trailers, (("x-sum", "42"),))
                await response.end("last", trailers={"x-check": "1"})
            self.assertEqual(await aside(upload.read_body), b"last")
            self.assertEqual(upload.headers["x-check"], "1")
            upload.close()
        self.assertEqual(self.failures(), [])
        await self.until_free()

    async def test_a_loop_takes_one_after_the_other(self) -> None:
        async with self.worker() as worker:

            async def loop() -> None:
                number = 0
                async for exchange in worker:
                    number += 1
                    if number != 2:
                        await exchange.respond().end(await exchange.request.text())
                    if number == 3:
                        break

            task = asyncio.create_task(loop())
            answers = [await aside(put, self.server, text.encode()) for text in ("a", "b", "ö")]
            await task
        self.assertEqual([status for status, _ in answers], [200, 502, 200])
        self.assertEqual(answers[2][1].decode(), "ö")
        self.assertEqual([type(one) for one in self.failures()], [errors.WorkerFailed])

    async def test_large_uploads_side_by_side(self) -> None:
        async def echo(exchange: AsyncExchange) -> None:
            response = exchange.respond()
            async for chunk in exchange.request.body:
                await response.write(chunk.view)
            await response.end()

        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(echo))
            bodies = [os.urandom(20 * SLOT_BYTES + n) for n in range(4)]
            answers = await asyncio.gather(*(aside(put, self.server, one) for one in bodies))
            self.assertEqual([body for _, body in answers], bodies)
            worker.begin_stop()
            await run
        self.assertEqual(worker.state, "stopped")
        await self.until_free()

    async def test_an_async_generator_is_a_handler(self) -> None:
        async def handler(exchange: AsyncExchange):
            async for chunk in exchange.request.body:
                yield str(len(chunk))

        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(handler))
            self.assertEqual(await aside(put, self.server, b"hello"), (200, b"5"))
            self.assertEqual(await aside(put, self.server), (200, b""))
            worker.begin_stop()
            await run

    async def test_small_writes_of_one_turn_share_a_slot(self) -> None:
        async def handler(exchange: AsyncExchange) -> None:
            response = exchange.respond()
            for _ in range(1000):
                await response.write(b"ab")
            await response.end()

        async with self.worker() as worker:
            upload = await aside(lambda: Upload(self.server, length=0))
            task = asyncio.create_task((await worker.next()).run(handler))
            await aside(upload.read_head)
            pieces = []
            while piece := await aside(upload.read_piece):
                pieces.append(piece)
            upload.close()
            await task
        self.assertEqual(b"".join(pieces), b"ab" * 1000)
        self.assertLess(len(pieces), 100)

    async def test_an_end_that_nobody_awaits_is_waited_for(self) -> None:
        async def handler(exchange: AsyncExchange) -> None:
            asyncio.ensure_future(exchange.respond().end(b"x" * (30 * SLOT_BYTES)))
            await asyncio.sleep(0)

        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(handler))
            status, body = await aside(put, self.server)
            self.assertEqual((status, len(body)), (200, 30 * SLOT_BYTES))
            worker.begin_stop()
            await run
        self.assertEqual(self.failures(), [])

    async def test_memory_of_the_answer_is_filled_in_place(self) -> None:
        async def handler(exchange: AsyncExchange) -> None:
            response = exchange.respond()
            for number in range(10):
                view = await response.reserve()
                view[:3] = bytes([number]) * 3
                response.commit(3)
            await response.end()

        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(handler))
            expected = b"".join(bytes([number]) * 3 for number in range(10))
            self.assertEqual(await aside(put, self.server), (200, expected))
            worker.begin_stop()
            await run

    async def test_a_client_that_goes_is_heard_of_by_who_waits_for_nothing_else(self) -> None:
        gone = []

        async def handler(exchange: AsyncExchange) -> None:
            gone.append(await exchange.gone())
            with self.assertRaises(errors.ClientGone):
                await exchange.request.body.pull()
            raise gone[0]

        async with self.worker() as worker:
            upload = await aside(Upload, self.server)
            task = asyncio.create_task((await worker.next()).run(handler))
            await asyncio.sleep(0)
            upload.close()
            await asyncio.wait_for(task, WATCHDOG_SECONDS)
        self.assertIsInstance(gone[0], errors.ClientGone)
        self.assertEqual(self.failures(), [])
        await self.until_free()

    async def test_a_client_that_goes_ends_a_read_and_a_write_that_wait(self) -> None:
        raised = []

        async def reads(exchange: AsyncExchange) -> None:
            try:
                await exchange.request.body.discard()
            except errors.UploadResponseError as error:
                raised.append(type(error))
                raise

        async def writes(exchange: AsyncExchange) -> None:
            response = exchange.respond()
            try:
                while True:
                    await response.write(b"x" * SLOT_BYTES)
            except errors.UploadResponseError as error:
                raised.append(type(error))
                raise

        async with self.worker() as worker:
            for handler in (reads, writes):
                upload = await aside(Upload, self.server)
                exchange = await worker.next()
                task = asyncio.create_task(exchange.run(handler))
                if handler is writes:
                    await aside(upload.read_head)
                await until(lambda: exchange._scope._waiters, "the handler to wait")
                upload.close()
                await asyncio.wait_for(task, WATCHDOG_SECONDS)
        self.assertEqual(raised, [errors.ClientGone] * 2)
        await self.until_free()

    async def test_a_cancelled_wait_loses_nothing(self) -> None:
        async with self.worker() as worker:
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(worker.next(), 0.02)
            # Offered while nobody asks: it is taken by another worker, or when somebody asks again.
            upload = await aside(Upload, self.server)
            exchange = await asyncio.wait_for(worker.next(), WATCHDOG_SECONDS)
            assert exchange is not None
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(exchange.request.body.pull(), 0.02)
            upload.send(b"first")
            chunk = await exchange.request.body.pull()
            assert chunk is not None
            self.assertEqual(chunk.copy(), b"first")
            upload.end()
            await exchange.run(lambda one: one.respond().end(b"ok"))
            self.assertEqual(await aside(upload.read_body), b"ok")
            upload.close()

    async def test_while_nobody_asks_streams_are_for_others(self) -> None:
        async with self.worker(name="idle") as idle, self.worker(name="busy") as busy:
            waiting = asyncio.create_task(idle.next())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
            run = asyncio.create_task(busy.run(lambda one: one.respond().end(b"busy")))
            for _ in range(10):
                self.assertEqual(await aside(put, self.server), (200, b"busy"))
            busy.begin_stop()
            await run

    async def test_a_handler_that_is_cancelled_fails_its_stream(self) -> None:
        async with self.worker() as worker:
            upload = await aside(Upload, self.server)
            exchange = await worker.next()
            task = asyncio.create_task(exchange.run(lambda one: one.request.body.discard()))
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(await aside(upload.read_head), 502)
            upload.close()
        await self.until_free()

    async def test_views_that_are_kept_hold_their_slots(self) -> None:
        async with self.worker() as worker:
            upload = await aside(Upload, self.server)
            async with await worker.next() as exchange:
                body = exchange.request.body
                upload.send(b"kept")
                part = (await body.pull()).view[1:]
                for number in range(SLOTS - 1):
                    upload.send(b"x" * 10)
                    await body.pull()
                upload.send(b"next")
                waiting = asyncio.create_task(body.pull())
                await until(lambda: exchange._scope._waiters, "the read to wait")
                self.assertEqual(bytes(part), b"ept")
                self.assertFalse(waiting.done())
                del part
                chunk = await asyncio.wait_for(waiting, WATCHDOG_SECONDS)
                self.assertEqual(chunk.view, b"next")
                await exchange.respond().end()
            upload.close()
        await self.until_free()

    async def test_stop_with_a_deadline_aborts_what_runs(self) -> None:
        raised = []

        async def handler(exchange: AsyncExchange) -> None:
            try:
                await exchange.request.body.discard()
            except errors.UploadResponseError as error:
                raised.append(type(error))
                raise

        worker = await self.worker().attach()
        run = asyncio.create_task(worker.run(handler))
        upload = await aside(Upload, self.server)
        await until(lambda: worker.in_flight == 1, "the stream to be taken")
        await worker.stop(deadline_ms=0)
        await asyncio.wait_for(run, WATCHDOG_SECONDS)
        self.assertEqual(raised, [errors.ShuttingDown])
        self.assertEqual(worker.state, "stopped")
        self.assertIsNone(await worker.next())
        await worker.stop()
        upload.close()
        await self.until_free()

    async def test_a_signal_stops_it(self) -> None:
        worker = await self.worker().attach()
        undo = stop_on_loop_signals(worker, deadline_ms=20_000)
        run = asyncio.create_task(worker.run(lambda one: one.respond().end()))
        self.assertEqual((await aside(put, self.server))[0], 200)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(run, WATCHDOG_SECONDS)
        await worker.stop()
        undo()
        self.assertEqual(self.events[-1].type, "stopped")

    async def test_it_needs_no_thread_of_pythons(self) -> None:
        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(lambda one: one.respond().end()))
            await aside(put, self.server)
            mine = [one for one in threading.enumerate() if not one.name.startswith("asyncio")]
            self.assertEqual(mine, [threading.main_thread()])
            worker.begin_stop()
            await run

    async def test_two_thousand_exchanges_leave_nothing_behind(self) -> None:
        before = descriptors()
        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(lambda one: one.respond().end(b"ok")))

            def send(count: int) -> None:
                for _ in range(count):
                    self.assertEqual(put(self.server, b"x")[1], b"ok")

            await aside(send, 100)
            gc.collect()
            objects, early = len(gc.get_objects()), descriptors()
            await asyncio.gather(*(aside(send, 500) for _ in range(4)))
            await until(lambda: worker.in_flight == 0, "the last one to be over")
            gc.collect()
            self.assertEqual(descriptors(), early)
            self.assertLess(len(gc.get_objects()) - objects, 500)
            worker.begin_stop()
            await run
        await self.until_free()
        self.assertEqual(descriptors(), before)
        self.assertEqual(segments_mapped(), 0)


class ObservedAsyncTest(AsyncTest):
    async def test_observers_stages_and_verdicts(self) -> None:
        body = os.urandom(SLOTS * SLOT_BYTES)

        async def observe(observation: AsyncObservation) -> None:
            stage = observation.stage("text")
            digest = hashlib.sha256()
            async for chunk in observation.request.body:
                digest.update(chunk.view)
            await stage.end(digest.digest())
            if observation.request.path.endswith("bad"):
                observation.veto(451, "bad")
            else:
                observation.accept()

        async def answer(exchange: AsyncExchange) -> None:
            stage = exchange.read_stage("text")
            await exchange.request.body.discard()
            response = exchange.respond()
            async for chunk in stage:
                await response.write(chunk.view)
            await response.end()

        async with self.worker() as worker, self.scan() as scan:
            runs = [asyncio.create_task(worker.run(answer)), asyncio.create_task(scan.run(observe))]
            for _ in range(3):
                status, answered = await aside(put, self.server, body)
                self.assertEqual((status, answered), (200, hashlib.sha256(body).digest()))
            status, text = await aside(lambda: put(self.server, b"x", path="/upload/bad"))
            self.assertEqual(status, 451)
            worker.begin_stop()
            scan.begin_stop()
            await asyncio.gather(*runs)
        self.assertEqual(self.failures(), [])
        await self.until_free()


class RestartAsyncTest(AsyncTest):
    def setUp(self) -> None:
        self.server = Server({"segment": {"pools": POOLS}})
        self.addCleanup(self.server.stop)

    async def test_a_worker_attaches_again_when_the_server_restarts(self) -> None:
        lost = []

        async def answer(exchange: AsyncExchange) -> None:
            try:
                await exchange.respond().end(await exchange.request.bytes())
            except errors.UploadResponseError as error:
                lost.append(type(error))
                raise

        async with self.worker() as worker:
            run = asyncio.create_task(worker.run(answer))
            for _ in range(3):
                self.assertEqual(await aside(put, self.server, b"hello"), (200, b"hello"))
                upload = await aside(Upload, self.server)
                await until(lambda: worker.in_flight == 1, "the stream to be taken")
                await aside(self.server.kill)
                upload.close()
                await until(lambda: worker.state == "waiting", "the worker to wait")
                await aside(self.server.start)
                await until(lambda: worker.state == "attached", "the worker to be attached")
            self.assertEqual(await aside(put, self.server, b"hello"), (200, b"hello"))
            worker.begin_stop()
            await run
        self.assertEqual(lost, [errors.ServerGone] * 3)
        types = [event.type for event in self.events if event.type != "waiting"]
        self.assertEqual(types, ["attached"] + ["detached", "attached"] * 3 + ["stopped"])
        self.assertEqual(segments_mapped(), 0)

    async def test_without_reconnect_the_end_of_the_server_is_an_error(self) -> None:
        async with self.worker(reconnect=False) as worker:
            waiting: Awaitable[Any] = asyncio.create_task(worker.next())
            await asyncio.sleep(0)
            await aside(self.server.kill)
            with self.assertRaises(errors.ServerGone):
                await asyncio.wait_for(waiting, WATCHDOG_SECONDS)
            with self.assertRaises(errors.ServerGone):
                await worker.run(lambda one: None)
        with self.assertRaises(errors.ServerGone):
            async with self.worker():
                pass

    async def test_stop_ends_the_wait_for_a_server(self) -> None:
        await aside(self.server.kill)
        worker = self.worker(wait_for_server=True)
        attaching = asyncio.create_task(worker.attach())
        await until(lambda: self.events, "the worker to wait")
        worker.begin_stop()
        await asyncio.wait_for(attaching, WATCHDOG_SECONDS)
        await worker.stop()
        self.assertEqual(worker.state, "stopped")


if __name__ == "__main__":
    unittest.main()

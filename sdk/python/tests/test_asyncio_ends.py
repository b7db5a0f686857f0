"""Clients that go, waits that are cancelled, workers that stop, and servers that restart, with asyncio."""

import asyncio
import gc
import hashlib
import os
import signal
import threading
import unittest
from typing import Any, Awaitable

from async_support import AsyncTest, aside, until
from support import POOLS, SLOT_BYTES, WATCHDOG_SECONDS, Server, Upload, put
from test_lifecycle import descriptors, segments_mapped

from upload_response import AsyncExchange, AsyncObservation, errors, stop_on_loop_signals

SLOTS = POOLS[0]["requestSlots"]


class EndsAsyncTest(AsyncTest):
    config = {"segment": {"pools": POOLS}}

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
            for _ in range(50):
                await asyncio.gather(*(aside(send, 10) for _ in range(4)))
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

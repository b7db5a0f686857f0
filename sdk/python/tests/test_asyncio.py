"""One exchange, with asyncio."""

import asyncio
import os
import unittest

from async_support import AsyncTest, aside, until
from support import POOLS, SLOT_BYTES, WATCHDOG_SECONDS, Upload, put

from upload_response import AsyncExchange, errors

SLOTS = POOLS[0]["requestSlots"]


class PlainAsyncTest(AsyncTest):
    config = {"segment": {"pools": POOLS}}

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


if __name__ == "__main__":
    unittest.main()

"""One exchange, with calls that wait."""

import hashlib
import json
import os
import unittest

from support import POOLS, SLOT_BYTES, ServerTest, Upload, in_thread, put

from upload_response import Exchange, Worker, errors


class ExchangeTest(ServerTest):
    def setUp(self) -> None:
        self.events = []
        self.worker = Worker(socket=self.server.socket, on_event=self.events.append)
        self.addCleanup(self.worker.stop)

    def failures(self):
        return [event.error for event in self.events if event.type == "failed"]

    def test_the_head_is_as_the_client_sent_it(self) -> None:
        with Upload(self.server, "/upload/a%20b?c=1", 0, "POST", (("X-Two", "é"), ("x-two", "2"))) as up:
            exchange = self.worker.next()
            request = exchange.request
            self.assertEqual(request.method, "POST")
            self.assertEqual(request.path, "/upload/a%20b?c=1")
            self.assertEqual((request.scheme, request.authority), ("http", "localhost"))
            self.assertEqual(request.version, 1)
            self.assertEqual(request.header("X-TWO"), "é, 2")
            self.assertIsNone(request.header("x-none"))
            self.assertIn(("x-two", "2"), request.headers)
            self.assertEqual((exchange.transport, exchange.pool), ("http1", "uploads"))
            self.assertEqual(self.worker.in_flight, 1)
            exchange.run(lambda one: one.respond(204).end())
            self.assertEqual(up.read_head(), 204)
        self.assertEqual(self.worker.in_flight, 0)

    def test_a_body_is_read_while_it_arrives_and_the_answer_comes_meanwhile(self) -> None:
        with Upload(self.server) as upload:
            with self.worker.next() as exchange:
                response = exchange.respond(200, {"X-One": "1", "x-many": ["a", "b"]})
                self.assertTrue(exchange.responded)
                self.assertEqual(upload.read_head(), 200)
                self.assertEqual(upload.headers["x-one"], "1")
                for number in range(3 * POOLS[0]["requestSlots"]):
                    piece = os.urandom(1000 + number)
                    upload.send(piece)
                    chunk = exchange.request.body.pull()
                    self.assertEqual(chunk.view, piece)
                    self.assertTrue(chunk.view.readonly)
                    self.assertEqual(len(chunk), len(piece))
                    response.write(chunk.view)
                    self.assertEqual(upload.read_piece(), piece)
                self.assertFalse(exchange.request.body.ended)
                upload.end("x-sum: 42\r\n")
                self.assertIsNone(exchange.request.body.pull())
                self.assertEqual(exchange.request.trailers, (("x-sum", "42"),))
                response.end("last", trailers=[("x-check", "é")])
                self.assertEqual(upload.read_piece(), b"last")
                self.assertEqual(upload.read_piece(), b"")
                self.assertEqual(upload.headers["x-check"], "é")
        self.until_free()

    def test_a_large_upload_passes_through_small_rings_both_ways(self) -> None:
        body = os.urandom(40 * SLOT_BYTES + 7)

        def echo(exchange: Exchange) -> None:
            response = exchange.respond()
            for chunk in exchange.request.body:
                response.write(chunk.view)
            response.end()

        with in_thread(lambda: self.worker.next().run(echo)):
            status, answer = put(self.server, body)
        self.assertEqual((status, hashlib.sha256(answer).digest()), (200, hashlib.sha256(body).digest()))

    def test_writes_take_any_bytes(self) -> None:
        parts = [b"a", "ö", bytearray(b"c"), memoryview(b"xdx")[1:2], b"", b"e" * (9 * SLOT_BYTES)]
        whole = b"a\xc3\xb6cd" + b"e" * (9 * SLOT_BYTES)

        def handler(exchange: Exchange) -> None:
            response = exchange.respond()
            for part in parts:
                response.write(part)
            with self.assertRaises(TypeError):
                response.write(5)
            with self.assertRaises(BufferError):
                response.write(memoryview(b"abcd")[::2])
            response.end(b"!")

        with in_thread(lambda: self.worker.next().run(handler)):
            self.assertEqual(put(self.server), (200, whole + b"!"))
        self.assertEqual(self.failures(), [])

    def test_memory_of_the_answer_is_filled_in_place(self) -> None:
        def handler(exchange: Exchange) -> None:
            response = exchange.respond()
            size = response.slot_size
            self.assertEqual(size, SLOT_BYTES)
            for number in range(10):
                view = response.reserve()
                self.assertEqual(len(view), size)
                with self.assertRaises(errors.InvalidArgument):
                    response.reserve()
                view[:] = bytes([number]) * size
                response.commit(size)
                with self.assertRaises(ValueError):
                    view[0] = 1
            with self.assertRaises(errors.InvalidArgument):
                response.commit(1)
            view = response.reserve()
            part = view[:10]
            with self.assertRaises(BufferError):
                response.commit(10)
            part[:] = b"0123456789"
            part.release()
            response.commit(10)
            response.end()

        with in_thread(lambda: self.worker.next().run(handler)):
            status, answer = put(self.server)
        expected = b"".join(bytes([number]) * SLOT_BYTES for number in range(10)) + b"0123456789"
        self.assertEqual((status, answer), (200, expected))
        self.assertEqual(self.failures(), [])

    def test_a_write_that_need_not_wait_takes_what_there_is_room_for(self) -> None:
        with Upload(self.server, length=0) as upload:
            with self.worker.next() as exchange:
                response = exchange.respond()
                data = b"x" * (4 * SLOT_BYTES)
                taken = 0
                # Nobody reads the answer: the sockets' buffers and then the ring become full.
                while True:
                    some = response.try_write(data)
                    if some == 0 and exchange.error is None and taken > 0:
                        break
                    taken += some
                with in_thread(response.end):
                    self.assertEqual(len(upload.read_body()), taken)

    def test_a_generator_is_a_handler(self) -> None:
        def plain(exchange: Exchange):
            for chunk in exchange.request.body:
                yield str(len(chunk))
            return {"x-end": "1"}

        def with_head(exchange: Exchange):
            exchange.respond(201, {"x-a": "b"})
            yield b"one"

        def empty(exchange: Exchange):
            yield from ()

        for handler, expected in ((plain, (200, b"5")), (with_head, (201, b"one")), (empty, (200, b""))):
            with in_thread(lambda: self.worker.next().run(handler)):
                self.assertEqual(put(self.server, b"hello"), expected)
        self.assertEqual(self.failures(), [])

    def test_the_whole_body_has_a_limit(self) -> None:
        seen = []

        def handler(exchange: Exchange) -> None:
            seen.append(exchange.request.bytes())
            exchange.respond().end()

        def too_much(exchange: Exchange) -> None:
            with self.assertRaises(errors.BodyTooLarge):
                exchange.request.bytes(limit=9)
            exchange.respond(413).end()

        def as_json(exchange: Exchange) -> None:
            seen.append(exchange.request.json())
            exchange.respond().end()

        body = os.urandom(3 * SLOT_BYTES)
        for one, sent, status in ((handler, body, 200), (too_much, b"0123456789", 413)):
            with in_thread(lambda: self.worker.next().run(one)):
                self.assertEqual(put(self.server, sent)[0], status)
        with Upload(self.server) as upload, in_thread(lambda: self.worker.next().run(too_much)):
            upload.send(b"0123456789")
            self.assertEqual(upload.read_head(), 413)
        with in_thread(lambda: self.worker.next().run(as_json)):
            put(self.server, json.dumps({"a": ["ö"]}).encode())
        self.assertEqual(seen, [body, {"a": ["ö"]}])

    def test_an_answer_without_a_body_has_none(self) -> None:
        for method, status in (("HEAD", 200), ("PUT", 204), ("PUT", 304)):
            with Upload(self.server, length=0, method=method) as upload:
                with self.worker.next() as exchange:
                    response = exchange.respond(status)
                    response.write(b"dropped")
                    response.end(b"dropped")
                self.assertEqual(upload.read_head(), status)

    def test_private_chunks_outlive_everything(self) -> None:
        with Worker(socket=self.server.socket, copy=True, verify=True) as worker:
            self.worker.stop()
            with in_thread(lambda: put(self.server, b"abc" * 50_000)):
                with worker.next() as exchange:
                    chunks = list(exchange.request.body)
                    exchange.respond().end()
            self.assertEqual(b"".join(chunk.view for chunk in chunks), b"abc" * 50_000)


if __name__ == "__main__":
    unittest.main()

"""Threads of one process."""

import hashlib
import os
import threading
import unittest

from support import POOLS, SLOT_BYTES, ServerTest, Upload, in_thread, put

from upload_response import Exchange, Worker, errors

SLOTS = POOLS[0]["requestSlots"]


class ThreadsTest(ServerTest):
    def test_threads_work_on_several_streams_at_once(self) -> None:
        together = threading.Barrier(4)
        events = []

        def handler(exchange: Exchange) -> None:
            together.wait(20)
            exchange.respond().end(exchange.request.bytes())

        worker = Worker(socket=self.server.socket, concurrency=4, on_event=events.append)
        with worker, in_thread(worker.run, handler):
            answers = []
            threads = [
                threading.Thread(target=lambda body: answers.append(put(self.server, body)), args=(one,))
                for one in (b"a", b"b", b"c", b"d")
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(answers), [(200, one) for one in (b"a", b"b", b"c", b"d")])
            worker.begin_stop()
        self.assertEqual([one.type for one in events], ["attached", "stopped"])
        self.assertEqual(worker.state, "stopped")
        with self.assertRaises(errors.InvalidArgument):
            worker.run(handler)

    def test_no_more_streams_are_taken_than_the_concurrency_allows(self) -> None:
        with Worker(socket=self.server.socket, concurrency=2) as worker:
            uploads = [Upload(self.server, length=0) for _ in range(3)]
            works = [worker.next(), worker.next()]
            self.assertIsNone(worker.next(200))
            self.assertEqual(worker.in_flight, 2)
            works[0].run(lambda one: one.respond().end())
            works.append(worker.next())
            for work in works[1:]:
                work.run(lambda one: one.respond().end())
            for upload in uploads:
                self.assertEqual(upload.read_head(), 200)
                upload.close()

    def test_two_threads_use_one_exchange(self) -> None:
        """One reads, the other one writes."""
        body = os.urandom(4 * SLOTS * SLOT_BYTES)

        def handler(exchange: Exchange) -> None:
            response = exchange.respond()

            def write() -> None:
                for number in range(20):
                    response.write(bytes([number]) * SLOT_BYTES)

            with in_thread(write):
                digest = hashlib.sha256()
                for chunk in exchange.request.body:
                    digest.update(chunk.view)
            response.end(digest.digest())

        with Worker(socket=self.server.socket) as worker:
            with in_thread(lambda: worker.next().run(handler)):
                status, answer = put(self.server, body)
        self.assertEqual(status, 200)
        self.assertEqual(len(answer), 20 * SLOT_BYTES + 32)
        self.assertEqual(answer[-32:], hashlib.sha256(body).digest())

    def test_stop_with_a_deadline_ends_a_thread_that_waits(self) -> None:
        worker = Worker(socket=self.server.socket)
        raised = []

        def handler(exchange: Exchange) -> None:
            try:
                exchange.request.body.discard()
            except errors.UploadResponseError as error:
                raised.append(type(error))
                raise

        with Upload(self.server) as upload:
            upload.send(b"x")
            exchange = worker.next()
            with in_thread(exchange.run, handler):
                worker.stop(deadline_ms=0)
        self.assertEqual(raised, [errors.ShuttingDown])
        self.assertEqual(worker.state, "stopped")
        self.assertIsNone(worker.next())
        worker.stop()
        self.until_free()


if __name__ == "__main__":
    unittest.main()

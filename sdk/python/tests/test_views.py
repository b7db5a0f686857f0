"""Views on the shared memory: right bytes or an error, whatever happens to the slot and the stream."""

import ctypes
import gc
import os
import threading
import unittest
from array import array

from support import POOLS, SLOT_BYTES, ServerTest, Upload, in_thread, put, until

from upload_response import Exchange, Observer, Worker, errors

SLOTS = POOLS[0]["requestSlots"]


class ViewsTest(ServerTest):
    def setUp(self) -> None:
        self.events = []
        self.worker = Worker(socket=self.server.socket, on_event=self.events.append)
        self.addCleanup(self.worker.stop)

    def pins(self) -> int:
        """Slots that somebody pins, of all lanes of all streams."""
        streams = self.server.state()["streams"]
        return sum(one["pins"].count("2") for one in streams)

    def test_a_view_is_an_error_after_the_release(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            body = exchange.request.body
            upload.send(b"first")
            chunk = body.pull()
            view = chunk.view
            self.assertEqual(view[0], ord("f"))
            self.assertFalse(chunk.released)
            upload.send(b"second")
            self.assertEqual(body.pull().view, b"second")
            self.assertTrue(chunk.released)
            with self.assertRaises(ValueError):
                view[0]
            with self.assertRaises(errors.Detached):
                chunk.view
            with self.assertRaises(errors.Detached):
                chunk.copy()
            chunk.release()
            exchange.respond().end()

    def test_a_view_cannot_be_written(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            upload.send(b"first")
            with self.assertRaises(TypeError):
                exchange.request.body.pull().view[0] = 1
            exchange.respond().end()

    def test_what_was_made_from_a_view_keeps_the_slot(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            body = exchange.request.body
            upload.send(b"kept slot")
            part = body.pull().view[5:]
            pieces = [bytes([number]) * 100 for number in range(20)]
            # The ring goes round once, to the slot that is kept, and no further.
            for piece in pieces[: SLOTS - 1]:
                upload.send(piece)
                self.assertEqual(body.pull().view, piece)
            self.assertEqual(bytes(part), b"slot")
            self.assertEqual(self.pins(), 1)
            for piece in pieces[SLOTS - 1 :]:
                upload.send(piece)
            got = []

            def read() -> None:
                while len(got) < len(pieces[SLOTS - 1 :]) * 100:
                    got.extend(body.pull().view)

            with in_thread(read):
                self.assertEqual(bytes(part), b"slot")
                # Freed in this thread, while the other one waits for what that makes room for.
                del part
            self.assertEqual(bytes(got), b"".join(pieces[SLOTS - 1 :]))
            self.assertEqual(self.pins(), 0)
            exchange.respond().end()

    def test_a_use_that_is_under_way_keeps_the_slot(self) -> None:
        """A call that holds the buffer itself, as hashing in another thread does."""
        with Upload(self.server) as upload, self.worker.next() as exchange:
            body = exchange.request.body
            upload.send(b"in use")
            held = memoryview(body.pull().view)
            for _ in range(SLOTS - 1):
                upload.send(b"more")
                self.assertEqual(body.pull().view, b"more")
            self.assertEqual(held.tobytes(), b"in use")
            upload.send(b"last")
            held.release()
            self.assertEqual(body.pull().view, b"last")
            exchange.respond().end()

    def test_argument_types_that_others_set_for_python_s_functions_are_theirs(self) -> None:
        shared = ctypes.pythonapi.PyObject_GetBuffer
        before = shared.argtypes
        shared.argtypes = [ctypes.c_int]
        try:
            with Upload(self.server) as upload, self.worker.next() as exchange:
                upload.send(b"bytes")
                response = exchange.respond()
                response.write(exchange.request.body.pull().view)
                response.end()
                self.assertEqual(upload.read_body(), b"bytes")
        finally:
            shared.argtypes = before
        self.until_free()

    def test_views_form_cycles_and_are_collected(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            body = exchange.request.body
            for _ in range(5 * SLOTS):
                upload.send(b"x" * 100)
                knot: list = [body.pull().view[1:]]
                knot.append(knot)
                del knot
                gc.collect()
            exchange.respond().end()
        self.until_free()

    def test_retained_chunks_are_released_in_any_order_by_any_thread(self) -> None:
        body = os.urandom(6 * SLOTS * SLOT_BYTES)
        got = {}

        def handler(exchange: Exchange) -> None:
            kept = []
            for chunk in exchange.request.body:
                kept.append(chunk.retain())
                if len(kept) == 3:
                    # The newest is the reader's own; the others are anybody's.
                    for one in (kept.pop(1), kept.pop(0)):
                        thread = threading.Thread(target=take, args=(one,))
                        thread.start()
                        thread.join()
            for one in kept:
                take(one)
            exchange.respond().end()

        def take(chunk) -> None:
            got[chunk.slot] = bytes(chunk.view)
            chunk.release()
            self.assertTrue(chunk.released)

        with in_thread(lambda: self.worker.next().run(handler)):
            self.assertEqual(put(self.server, body)[0], 200)
        self.assertEqual(b"".join(got[slot] for slot in sorted(got)), body)
        self.until_free()

    def test_a_view_outlives_its_exchange_and_its_worker(self) -> None:
        with Worker(socket=self.server.socket) as worker:
            self.worker.begin_stop()
            with Upload(self.server) as upload, worker.next() as exchange:
                upload.send(b"outlives")
                part = exchange.request.body.pull().view[3:]
                exchange.respond().end()
                upload.read_body()
            self.assertEqual(bytes(part), b"lives")
            # Its place is given to nobody else meanwhile.
            for _ in range(20):
                with in_thread(lambda: worker.next().run(lambda one: one.respond().end())):
                    put(self.server, b"another")
            self.assertEqual(bytes(part), b"lives")
            until(lambda: len(self.server.state()["streams"]) == 1, "only its stream to be there")
            with in_thread(worker.stop, 0):
                pass
            self.assertEqual(bytes(part), b"lives")
        self.assertEqual(bytes(part), b"lives")
        del part
        self.until_free()

    def test_an_aborted_stream_leaves_the_view_of_its_handler(self) -> None:
        with Upload(self.server) as upload:
            upload.send(b"mine")
            exchange = self.worker.next()
            view = exchange.request.body.pull().view
        until(lambda: exchange.error, "the client to be gone")
        self.assertEqual(bytes(view), b"mine")
        with self.assertRaises(errors.ClientGone):
            exchange.request.body.pull()
        with self.assertRaises(ValueError):
            bytes(view)
        exchange.finish()
        self.until_free()

    def test_the_reserved_slot_of_a_lost_stream_is_not_given_away(self) -> None:
        upload = Upload(self.server, length=0)
        exchange = self.worker.next()
        response = exchange.respond()
        view = response.reserve()
        part = view[:4]
        upload.close()
        until(lambda: exchange.error, "the client to be gone")
        exchange.finish()
        with self.assertRaises(ValueError):
            view[0] = 1
        part[:] = b"mine"
        until(lambda: len(self.server.state()["streams"]) == 1, "only its stream to be there")
        with self.assertRaises(errors.UploadResponseError):
            response.commit(4)
        del part, view
        self.until_free()

    def test_arrays_are_read_without_a_copy_of_the_view(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            upload.send(array("h", range(1000)).tobytes())
            samples = exchange.request.body.pull().view.cast("h")
            self.assertEqual(list(samples), list(range(1000)))
            exchange.respond().end()


class EvictionsTest(ServerTest):
    """Where readers may not stand for long."""

    config = {"limits": {"evictAfterMs": 1000}}

    def setUp(self) -> None:
        self.worker = Worker(socket=self.server.socket)
        self.addCleanup(self.worker.stop)

    def test_an_evicted_reader_gets_an_error_before_wrong_bytes(self) -> None:
        observer = Observer(socket=self.server.socket)
        self.addCleanup(observer.stop)
        body = os.urandom(4 * SLOTS * SLOT_BYTES)

        seen = threading.Event()

        def answer(exchange: Exchange) -> None:
            exchange.request.body.discard()
            exchange.respond()
            seen.wait()
            exchange._response.end()

        with Upload(self.server, length=len(body)) as upload:
            upload.send(body[:1000])
            observation = observer.next()
            with in_thread(lambda: self.worker.next().run(answer)):
                self.assertEqual(observation.request.body.pull().view, body[:1000])
                upload.send_soon(body[1000:])
                # It does not move on: the others do not wait for it for ever.
                self.assertEqual(upload.read_head(), 200)
                with self.assertRaises(errors.Evicted):
                    observation.request.body.pull()
                seen.set()
        observation.finish()
        self.until_free()

    def test_a_slot_that_is_pinned_for_too_long_fails_the_exchange_alone(self) -> None:
        with Upload(self.server) as upload:
            upload.send(b"stuck")
            exchange = self.worker.next()
            body = exchange.request.body
            part = body.pull().view[:]
            upload.send_soon(b"x" * (4 * SLOTS * SLOT_BYTES))
            with self.assertRaises(errors.UploadResponseError):
                body.discard()
            self.assertEqual(upload.read_head(), 502)
            self.assertEqual(bytes(part), b"stuck")
        exchange.finish()
        with in_thread(lambda: self.worker.next().run(lambda one: one.respond().end("ok"))):
            self.assertEqual(put(self.server), (200, b"ok"))
        del part
        self.until_free()


if __name__ == "__main__":
    unittest.main()

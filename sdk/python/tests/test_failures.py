"""What goes wrong in an exchange, and which streams a worker takes."""

import os
import subprocess
import sys
import threading
import unittest

from support import HERE, SLOT_BYTES, ServerTest, Upload, in_thread, put, until

from upload_response import Exchange, RequestHead, Worker, _library, errors


class FailuresTest(ServerTest):
    def setUp(self) -> None:
        self.events = []
        self.worker = Worker(socket=self.server.socket, on_event=self.events.append)
        self.addCleanup(self.worker.stop)

    def failures(self):
        return [event.error for event in self.events if event.type == "failed"]

    def test_what_is_answered_wrongly_is_refused(self) -> None:
        def handler(exchange: Exchange) -> None:
            with self.assertRaises(errors.InvalidArgument):
                exchange.respond(199)
            with self.assertRaises(errors.HpksBadHeaderName):
                exchange.respond(200, {"a b": "c"})
            with self.assertRaises(errors.HpksBadHeaderValue):
                exchange.respond(200, {"a": "b\0c"})
            with self.assertRaises(errors.InvalidArgument):
                exchange.respond(200, {"a": "\u20ac"})
            with self.assertRaises(errors.UploadResponseError):
                exchange.respond(200, {"a": "b" * SLOT_BYTES})
            with self.assertRaises(errors.UnknownStage):
                exchange.stage("none")
            response = exchange.respond(200)
            with self.assertRaises(errors.LaneEnded):
                exchange.respond(200)
            response.end("right")
            with self.assertRaises(errors.LaneEnded):
                response.write(b"more")
            with self.assertRaises(errors.Detached):
                exchange.request.body.pull()

        with in_thread(lambda: self.worker.next().run(handler)):
            self.assertEqual(put(self.server), (200, b"right"))
        self.assertEqual(self.failures(), [])

    def test_a_handler_that_does_not_answer_has_failed(self) -> None:
        def raises(_: Exchange) -> None:
            raise RuntimeError("mine")

        seen = threading.Event()

        def half(exchange: Exchange) -> None:
            exchange.respond().write("half")
            seen.wait()

        def gives_up(exchange: Exchange) -> None:
            exchange.fail(errors.UnknownStage())

        cases = ((raises, RuntimeError), (lambda _: None, errors.WorkerFailed))
        for handler, kind in cases:
            with in_thread(lambda: self.worker.next().run(handler)):
                self.assertEqual(put(self.server, b"x")[0], 502)
            self.assertIsInstance(self.failures().pop(), kind)
        with in_thread(lambda: self.worker.next().run(half)), Upload(self.server) as upload:
            upload.read_head()
            self.assertEqual(upload.read_piece(), b"half")
            seen.set()
            with self.assertRaises(ConnectionError):
                upload.read_piece()
        self.assertIsInstance(self.failures()[-1], errors.WorkerFailed)
        count = len(self.failures())
        with in_thread(lambda: self.worker.next().run(gives_up)):
            self.assertEqual(put(self.server, b"x")[0], 502)
        self.assertEqual(len(self.failures()), count)
        self.until_free()

    def test_a_loop_fails_what_it_leaves_unanswered(self) -> None:
        def loop() -> None:
            for number, exchange in enumerate(self.worker):
                if number % 2:
                    exchange.respond().end("odd")
                if number == 3:
                    break

        with in_thread(loop):
            answers = [put(self.server) for _ in range(4)]
        self.assertEqual([status for status, _ in answers], [502, 200, 502, 200])
        self.assertEqual(len(self.failures()), 2)

    def test_a_client_that_goes_is_seen(self) -> None:
        with Upload(self.server) as upload:
            upload.send(b"first")
            exchange = self.worker.next()
            self.assertEqual(exchange.request.body.pull().copy(), b"first")
            self.assertIsNone(exchange.error)
        with self.assertRaises(errors.ClientGone), exchange:
            exchange.request.body.pull()
        self.assertIsInstance(exchange.error, errors.ClientGone)
        self.until_free()

    def test_a_client_that_goes_ends_a_write_that_waits(self) -> None:
        upload = Upload(self.server, length=0)
        exchange = self.worker.next()
        waiting = threading.Event()
        raised = []

        def handler(one: Exchange) -> None:
            response = one.respond()
            waiting.set()
            try:
                while True:
                    response.write(b"x" * SLOT_BYTES)
            except errors.ClientGone as error:
                raised.append(error)
                raise

        with in_thread(exchange.run, handler):
            waiting.wait()
            until(lambda: exchange._response.try_write(b"") == 0, "the lane")
            upload.close()
        self.assertEqual(len(raised), 1)
        # Nobody waits for what it did: no failure.
        self.assertEqual(self.failures(), [])
        self.until_free()

    def test_errors_say_what_they_are(self) -> None:
        error = errors.error_of(-errors.Evicted.number, "the detail")
        self.assertIsInstance(error, errors.Evicted)
        self.assertEqual((error.code, error.number), ("EVICTED", 5))
        self.assertIn("the detail", str(error))
        self.assertTrue(error.remedy)
        self.assertIsInstance(errors.error_of(-9999), errors.AbiMismatch)


class ChoiceTest(ServerTest):
    """Which streams a worker takes."""

    def test_paths_and_filter_choose_by_the_head(self) -> None:
        heads = []

        def wants(head: RequestHead) -> bool:
            heads.append(head)
            if head.header("x-break"):
                raise RuntimeError("the filter's own")
            return head.header("x-want") == "yes"

        events = []
        with Worker(
            socket=self.server.socket, paths=["/upload/a"], filter=wants, on_event=events.append
        ) as picky, Worker(socket=self.server.socket, paths=["/upload"]) as other:

            def serve(worker: Worker, name: str) -> None:
                for exchange in worker:
                    exchange.respond().end(name)

            with in_thread(serve, picky, "picky"), in_thread(serve, other, "other"):
                yes = (("x-want", "yes"),)
                answers = set()
                # Both may take the first one.
                while b"picky" not in answers:
                    answers.add(put(self.server, path="/upload/a/b", headers=yes)[1])
                self.assertEqual(put(self.server, path="/upload/b", headers=yes)[1], b"other")
                self.assertEqual(put(self.server, path="/upload/a")[1], b"other")
                self.assertEqual(put(self.server, path="/upload/ab", headers=yes)[1], b"other")
                while not events[1:]:
                    put(self.server, path="/upload/a", headers=(("x-break", "1"),))
                picky.begin_stop()
                other.begin_stop()
        self.assertTrue(all(head.path.startswith("/upload/a") for head in heads))
        failed = [event for event in events if event.type == "failed"]
        self.assertIsInstance(failed[0].error, RuntimeError)

    def test_options_are_checked(self) -> None:
        wrong = (
            {"concurrency": 0},
            {"concurrency": 65537},
            {"paths": "/upload"},
            {"socket": "a\0b"},
            {"socket": "/tmp/" + "x" * 200},
        )
        for options in wrong:
            with self.subTest(options), self.assertRaises(
                (errors.InvalidArgument, errors.InvalidSocketPath)
            ):
                Worker(**{"socket": self.server.socket, **options})


class LibraryTest(unittest.TestCase):
    """Where the C library is looked for."""

    def load(self, library: str) -> str:
        program = (
            "from upload_response import Worker, errors\n"
            "try: Worker(socket='/nobody/there')\n"
            "except errors.UploadResponseError as error: print(error.code, error)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "UR_LIBRARY": library}
        arguments = [sys.executable, "-c", program]
        return subprocess.run(arguments, env=environment, capture_output=True, text=True).stdout

    def test_the_one_that_is_named_is_used(self) -> None:
        found = next(path for path in _library.candidates() if os.path.exists(path))
        self.assertRegex(self.load(found), "^SERVER_GONE ")

    def test_what_is_no_library_of_ours_is_refused(self) -> None:
        for library in ("/nobody/there.so", __file__, "libc.so.6"):
            with self.subTest(library):
                self.assertRegex(self.load(library), "^LIBRARY_UNAVAILABLE .*: ")


if __name__ == "__main__":
    unittest.main()

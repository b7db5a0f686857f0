"""Servers that come, go, and are none; and what ten thousand exchanges leave behind."""

import contextlib
import gc
import io
import os
import socket
import struct
import tempfile
import threading
import unittest
from typing import Any, List

from support import Server, ServerTest, Upload, in_thread, put, until

from upload_response import Exchange, Worker, WorkerEvent, errors


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def segments_mapped() -> int:
    with open("/proc/self/maps") as file:
        return len({line.split()[4] for line in file if "upload-response" in line})


class RestartTest(unittest.TestCase):
    def setUp(self) -> None:
        self.events: List[WorkerEvent] = []
        self.server = Server()
        self.addCleanup(self.server.stop)

    def types(self) -> List[str]:
        return [event.type for event in self.events if event.type != "waiting"]

    def test_a_worker_attaches_again_when_the_server_restarts(self) -> None:
        worker = Worker(socket=self.server.socket, on_event=self.events.append)
        lost = []

        def serve() -> None:
            for exchange in worker:
                exchange.run(answer)

        def answer(exchange: Exchange) -> None:
            try:
                exchange.respond().end(exchange.request.bytes())
            except errors.UploadResponseError as error:
                lost.append(error)
                raise

        with worker, in_thread(serve):
            for round in range(3):
                self.assertEqual(put(self.server, b"hello"), (200, b"hello"))
                upload = Upload(self.server)
                upload.send(b"half")
                until(lambda: worker.in_flight == 1, "the stream to be taken")
                self.server.kill()
                upload.close()
                until(lambda: worker.state == "waiting", "the worker to wait")
                self.assertEqual(worker.index, -1)
                self.server.start()
                until(lambda: worker.state == "attached", "the worker to be attached")
            self.assertEqual(put(self.server, b"hello"), (200, b"hello"))
            worker.begin_stop()
        self.assertEqual([type(error) for error in lost], [errors.ServerGone] * 3)
        self.assertEqual(self.types(), ["attached"] + ["detached", "attached"] * 3 + ["stopped"])
        boots = {event.boot_id for event in self.events if event.type == "attached"}
        self.assertEqual(len(boots), 4)
        self.assertEqual(segments_mapped(), 0)

    def test_threads_attach_again_once(self) -> None:
        worker = Worker(socket=self.server.socket, on_event=self.events.append)
        with worker, in_thread(worker.run, lambda one: one.respond().end(), 4):
            self.server.kill()
            self.server.start()
            until(lambda: self.types().count("attached") == 2, "the worker to be attached again")
            self.assertEqual(put(self.server)[0], 200)
            worker.begin_stop()
        self.assertEqual(self.types(), ["attached", "detached", "attached", "stopped"])

    def test_a_view_on_the_old_segment_stays_right(self) -> None:
        with Worker(socket=self.server.socket, on_event=self.events.append) as worker:
            with Upload(self.server) as upload:
                upload.send(b"of the old server")
                exchange = worker.next()
                part = exchange.request.body.pull().view[7:10]
                self.server.kill()
            with self.assertRaises(errors.ServerGone):
                exchange.request.body.pull()
            exchange.finish()
            self.server.start()
            with in_thread(lambda: worker.next().run(lambda one: one.respond().end("new"))):
                self.assertEqual(put(self.server), (200, b"new"))
            self.assertEqual(bytes(part), b"old")
        self.assertEqual(bytes(part), b"old")
        self.assertEqual(segments_mapped(), 1)
        del part
        self.assertEqual(segments_mapped(), 0)

    def test_without_reconnect_the_end_of_the_server_is_an_error(self) -> None:
        with Worker(socket=self.server.socket, reconnect=False) as worker:
            self.server.kill()
            with self.assertRaises(errors.ServerGone):
                worker.next()
            with self.assertRaises(errors.ServerGone):
                worker.run(lambda one: None, threads=2)

    def test_a_worker_waits_for_a_first_server(self) -> None:
        self.server.kill()
        with self.assertRaises(errors.ServerGone):
            Worker(socket=self.server.socket)
        made: List[Worker] = []
        with in_thread(
            lambda: made.append(
                Worker(
                    socket=self.server.socket,
                    wait_for_server=True,
                    on_event=self.events.append,
                )
            )
        ):
            until(lambda: self.events, "the worker to wait")
            self.assertEqual(self.events[0].type, "waiting")
            self.assertIsInstance(self.events[0].error, errors.ServerGone)
            self.server.start()
        with made[0] as worker:
            self.assertEqual(worker.state, "attached")

    def test_it_says_once_that_it_waits(self) -> None:
        self.server.kill()
        said = io.StringIO()
        made: List[Worker] = []
        with contextlib.redirect_stderr(said):
            with in_thread(
                lambda: made.append(Worker(socket=self.server.socket, wait_for_server=True))
            ):
                until(lambda: "waits for the server" in said.getvalue(), "the worker to say it")
                self.server.start()
            made[0].stop()
        lines = said.getvalue().splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("attached to the server", lines[1])

    def test_what_takes_a_time_returns_after_it(self) -> None:
        with Worker(socket=self.server.socket, on_event=self.events.append) as worker:
            self.assertIsNone(worker.next(1))
            self.server.kill()
            until(lambda: worker.next(1) or worker.state == "waiting", "the end to be noticed")
            self.assertIsNone(worker.next(120))


class NoServerTest(unittest.TestCase):
    """Something else listens where a server should."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="ur-python-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "control.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen()

    def attach_to(self, answer: bytes) -> None:
        def serve() -> None:
            connection, _ = self.listener.accept()
            with connection:
                connection.recv(256)
                connection.sendall(answer)

        with in_thread(serve):
            Worker(socket=self.path)

    def test_garbage_is_no_handshake(self) -> None:
        before = descriptors()
        for answer in (b"", b"x" * 256, b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            with self.subTest(answer[:10]), self.assertRaises(
                (errors.InvalidHandshake, errors.ServerGone)
            ):
                self.attach_to(answer)
        self.assertEqual(descriptors(), before)

    def test_another_version_is_refused(self) -> None:
        status = -errors.AbiMismatch.number
        welcome = struct.pack("<8siIQQII", b"UPRCTRL\x01", status, 0, 0, 0, 99, 0)
        with self.assertRaises(errors.AbiMismatch) as raised:
            self.attach_to((welcome + b"version 99 is spoken here").ljust(256, b"\0"))
        self.assertIn("99", str(raised.exception))

    def test_a_socket_that_may_not_be_used(self) -> None:
        welcome = struct.pack("<8si", b"UPRCTRL\x01", -errors.PermissionDenied.number)
        with self.assertRaises(errors.PermissionDenied):
            self.attach_to(welcome.ljust(256, b"\0"))


class ManyTest(ServerTest):
    def test_ten_thousand_exchanges_leave_nothing_behind(self) -> None:
        seen: List[Any] = []

        def handler(exchange: Exchange) -> None:
            size = sum(len(chunk.view[1:]) + 1 for chunk in exchange.request.body)
            exchange.respond(200, {"x-size": str(size)}).end(b"x" * size)
            seen.append(exchange.id)

        before = descriptors()
        worker = Worker(socket=self.server.socket)

        def send(count: int) -> None:
            body = b"x" * 100
            request = b"PUT /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n" + body
            with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
                answers = connection.makefile("rb")
                for _ in range(count):
                    connection.sendall(request)
                    self.assertTrue(answers.readline().startswith(b"HTTP/1.1 200"))
                    while answers.readline() != b"\r\n":
                        pass
                    while (size := int(answers.readline(), 16)) > 0:
                        answers.read(size + 2)
                    answers.readline()
                answers.close()

        with worker, in_thread(worker.run, handler, 2):
            send(1000)
            gc.collect()
            early, open_early = resident_bytes(), descriptors()
            threads = [threading.Thread(target=send, args=(4500,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            seen.clear()
            gc.collect()
            self.assertLess(resident_bytes() - early, 4 * 1024 * 1024)
            self.assertEqual(descriptors(), open_early)
            worker.begin_stop()
        self.until_free()
        self.assertEqual(descriptors(), before)
        self.assertEqual(segments_mapped(), 0)

    def test_a_hundred_attachments_leave_nothing_behind(self) -> None:
        with Worker(socket=self.server.socket):
            pass
        gc.collect()
        before = descriptors()
        threads = threading.active_count()
        for _ in range(100):
            with Worker(socket=self.server.socket) as worker:
                self.assertIsNone(worker.next(0))
        self.assertEqual(descriptors(), before)
        self.assertEqual(threading.active_count(), threads)
        self.assertEqual(segments_mapped(), 0)


if __name__ == "__main__":
    unittest.main()

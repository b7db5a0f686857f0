"""Observers, verdicts and stages."""

import hashlib
import os
import threading
import unittest
from typing import Any

from support import POOLS, SLOT_BYTES, WATCHDOG_SECONDS, ServerTest, Upload, in_thread, put, until

from upload_response import Exchange, Observation, Observer, Worker, errors

SLOTS = POOLS[0]["requestSlots"]


class ObserversTest(ServerTest):
    config = {
        "segment": {
            "pools": [{**POOLS[0], "stages": ["text", "tags"]}],
            "requiredObservers": ["scan"],
        },
        "limits": {"observerLingerMs": 20_000},
    }

    def setUp(self) -> None:
        self.events = []
        options = {"socket": self.server.socket, "on_event": self.events.append}
        self.worker = Worker(**options)
        self.addCleanup(self.worker.stop)
        self.scan = Observer(required="scan", **options)
        self.addCleanup(self.scan.stop)

    def answer(self, exchange: Exchange) -> None:
        exchange.request.body.discard()
        exchange.respond().end("answer")

    def test_an_observer_accepts(self) -> None:
        seen = []

        def scan(observation: Observation) -> None:
            self.assertTrue(observation.required)
            seen.append(observation.request.bytes())
            self.assertFalse(observation.decided)
            observation.accept()
            self.assertTrue(observation.decided)
            observation.accept()

        with in_thread(lambda: self.scan.next().run(scan)):
            with in_thread(lambda: self.worker.next().run(self.answer)):
                self.assertEqual(put(self.server, b"harmless"), (200, b"answer"))
        self.assertEqual(seen, [b"harmless"])
        self.until_free()

    def test_an_observer_vetoes(self) -> None:
        taken = threading.Event()

        def scan(observation: Observation) -> None:
            self.assertTrue(taken.wait(WATCHDOG_SECONDS))
            with self.assertRaises(errors.InvalidArgument):
                observation.veto(200)
            for chunk in observation.request.body:
                if b"virus" in bytes(chunk.view):
                    return observation.veto(451, "it is ill" + "ö" * 100)
            observation.accept()

        def vetoed(exchange: Exchange) -> None:
            taken.set()
            with self.assertRaises(errors.Vetoed):
                exchange.request.body.discard()
                response = exchange.respond()
                while True:
                    response.write(b"x" * SLOT_BYTES)
            raise exchange.error

        with in_thread(lambda: self.scan.next().run(scan)):
            with in_thread(lambda: self.worker.next().run(vetoed)):
                status, text = put(self.server, b"a virus")
        self.assertEqual(status, 451)
        self.assertIn("it is ill", text.decode())
        self.assertEqual([one.error for one in self.events if one.type == "failed"], [])
        self.until_free()

    def test_who_gives_no_verdict_has_vetoed(self) -> None:
        def raises() -> None:
            raise RuntimeError("mine")

        for give_up in (raises, lambda: None):
            # After the veto there is nothing left that the worker could take.
            taken = threading.Event()

            def judge(_: Observation) -> None:
                self.assertTrue(taken.wait(WATCHDOG_SECONDS))
                give_up()

            def answer(exchange: Exchange) -> None:
                taken.set()
                self.answer(exchange)

            with in_thread(lambda: self.scan.next().run(judge)):
                with in_thread(lambda: self.worker.next().run(answer)):
                    self.assertEqual(put(self.server, b"x")[0], 502)
        failed = [one.error for one in self.events if one.type == "failed"]
        self.assertEqual([type(one) for one in failed], [RuntimeError, errors.WorkerFailed])

    def test_an_observer_that_is_not_required_has_no_veto(self) -> None:
        with Observer(socket=self.server.socket) as plain:
            with Upload(self.server) as upload:
                upload.send(b"x")
                with plain.next() as observation:
                    self.assertFalse(observation.required)
                    with self.assertRaises(errors.Unsupported):
                        observation.veto()
                    observation.accept()
                self.scan.next().run(lambda one: one.accept())
                upload.end()
                self.worker.next().run(self.answer)
                self.assertEqual(upload.read_body(), b"answer")

    def test_an_unknown_observer_is_refused(self) -> None:
        with self.assertRaises(errors.UnknownObserver):
            Observer(required="none", socket=self.server.socket)
        with self.assertRaises(errors.InvalidArgument):
            Observer(required="", socket=self.server.socket)

    def test_several_readers_at_their_own_pace(self) -> None:
        body = os.urandom(5 * SLOTS * SLOT_BYTES)
        digests = []
        plain = [Observer(socket=self.server.socket) for _ in range(3)]
        for one in plain:
            self.addCleanup(one.stop)

        def observe(observation: Observation) -> None:
            digest = hashlib.sha256()
            for chunk in observation.request.body:
                digest.update(chunk.view)
            digests.append(digest.digest())
            observation.accept()

        def whole(exchange: Exchange) -> None:
            observe_started.wait()
            exchange.respond().end(hashlib.sha256(exchange.request.bytes()).digest())

        observe_started = threading.Event()
        with Upload(self.server, length=len(body)) as upload:
            upload.send(body[:100])
            observations = [one.next() for one in [*plain, self.scan]]
            threads = [threading.Thread(target=one.run, args=(observe,)) for one in observations]
            for thread in threads:
                thread.start()
            observe_started.set()
            with in_thread(lambda: self.worker.next().run(whole)):
                sending = upload.send_soon(body[100:])
                self.assertEqual(upload.read_body(), hashlib.sha256(body).digest())
                sending.join()
            for thread in threads:
                thread.join()
        self.assertEqual(digests, [hashlib.sha256(body).digest()] * 4)
        self.until_free()

    def test_a_late_observer_reports_what_it_missed(self) -> None:
        with Upload(self.server) as upload:
            upload.send(b"x")
            scanning = self.scan.next()
            exchange = self.worker.next()
            read = {"scan": 0, "worker": 0}

            def drain(name: str, body: Any) -> None:
                for chunk in body:
                    read[name] += len(chunk)

            events = []
            with in_thread(drain, "scan", scanning.request.body):
                with in_thread(drain, "worker", exchange.request.body):
                    for _ in range(3 * SLOTS):
                        upload.send(b"y" * SLOT_BYTES)
                    until(lambda: min(read.values()) > 2 * SLOTS * SLOT_BYTES, "two rounds")
                    with Observer(socket=self.server.socket, on_event=events.append) as late:
                        self.assertIsNone(late.next(0))
                        until(lambda: late.next(10) or events, "the missed stream")
                    upload.end()
            scanning.accept()
            exchange.respond().end("answer")
            self.assertEqual(upload.read_body(), b"answer")
        self.assertEqual([(one.type, one.count) for one in events if one.type == "missed"], [("missed", 1)])
        self.until_free()

    def test_a_stage_pipeline(self) -> None:
        """One worker writes a stage from the request, another one answers with it."""
        body = os.urandom(3 * SLOTS * SLOT_BYTES)

        def first(observation: Observation) -> None:
            text = observation.stage("text")
            with self.assertRaises(errors.AlreadyClaimed):
                observation.stage("text")
            for chunk in observation.request.body:
                text.write(chunk.view)
            text.end(b"|end", trailers={"x-stage": "1"})

        def second(exchange: Exchange) -> None:
            stage = exchange.read_stage("text")
            with in_thread(exchange.request.body.discard):
                response = exchange.respond()
                for chunk in stage:
                    response.write(chunk.view)
                self.assertEqual(stage.trailers, (("x-stage", "1"),))
            response.end()

        # A required one would hold the answer back, and with it what makes room in the stage.
        plain = Observer(socket=self.server.socket)
        self.addCleanup(plain.stop)
        with Upload(self.server, length=len(body)) as upload:
            upload.send(body[:100])
            observation, exchange = plain.next(), self.worker.next()
            self.scan.next().run(lambda one: one.accept())
            with in_thread(observation.run, first), in_thread(exchange.run, second):
                sending = upload.send_soon(body[100:])
                self.assertEqual(upload.read_head(), 200)
                answer = upload.read_body()
                sending.join()
        self.assertTrue(answer == body + b"|end")
        self.assertEqual([one.error for one in self.events if one.type == "failed"], [])
        self.until_free()

    def test_a_stage_whose_writer_gives_up_ends_with_its_error(self) -> None:
        def gives_up(observation: Observation) -> None:
            stage = observation.stage("tags")
            stage.write("half")
            stage.fail(errors.BodyTooLarge())
            stage.fail()
            observation.accept()

        def reads(exchange: Exchange) -> None:
            exchange.request.body.discard()
            stage = exchange.read_stage("tags")
            with self.assertRaises(errors.BodyTooLarge):
                while True:
                    stage.pull()
            exchange.respond().end("seen")

        with in_thread(lambda: self.scan.next().run(gives_up)):
            with in_thread(lambda: self.worker.next().run(reads)):
                self.assertEqual(put(self.server), (200, b"seen"))
        self.assertEqual([one.error for one in self.events if one.type == "failed"], [])


if __name__ == "__main__":
    unittest.main()

"""Several workers on one server: readers, observers, stages, races, deaths."""

import hashlib
import json
import os
import signal
import threading
import unittest

from support import POOLS, SLOT_BYTES, ServerTest, Upload, in_thread, put, until

from upload_response import Exchange, Observation, Observer, Worker, errors

SLOTS = POOLS[0]["requestSlots"]


def expected(name: str, body: bytes) -> dict:
    return {"name": name, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}


class ProcessesTest(ServerTest):
    # More places than clients: one is free again a moment after its answer has been read.
    config = {"segment": {"pools": [{**POOLS[0], "streams": 32}]}}

    def test_exactly_one_of_eight_claims_each_stream(self) -> None:
        crew = [self.process("answer", f"worker-{number}") for number in range(8)]
        bodies = [os.urandom(10 + number) for number in range(200)]
        answers = {}

        def send(numbers: range) -> None:
            for number in numbers:
                status, text = put(self.server, bodies[number])
                self.assertEqual(status, 200)
                answers[number] = json.loads(text)

        # As many clients as there are places for streams.
        threads = [threading.Thread(target=send, args=(range(n, 200, 8),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, body in enumerate(bodies):
            answer = answers[number]
            self.assertEqual(answer, expected(answer["name"], body))
        self.assertEqual(sum(one.count("taken") for one in crew), 200)
        self.assertGreater(len({answer["name"] for answer in answers.values()}), 1)
        self.until_free()

    def test_a_slow_reader_makes_the_client_wait_and_loses_nothing(self) -> None:
        slow = self.process("slow")
        body = os.urandom(3 * SLOTS * SLOT_BYTES)
        with Upload(self.server, length=len(body)) as upload:
            sending = upload.send_soon(body)
            slow.line("chunk")
            slots = 1
            while sending.is_alive() or slow.count("chunk") > slots - 1:
                slow.tell()
                slots += 1
                until(
                    lambda: slow.count("chunk") >= slots or upload.status or not sending.is_alive(),
                    "the next chunk",
                )
                if not sending.is_alive():
                    break
            for _ in range(4 * SLOTS):
                slow.tell()
            self.assertEqual(json.loads(upload.read_body()), expected("one", body))

    def test_a_dead_workers_request_goes_to_another_one(self) -> None:
        first = self.process("hold", "first")
        with Upload(self.server) as upload:
            upload.send(b"hello")
            first.line("taken")
            second = self.process("answer", "second")
            first.signal(signal.SIGKILL)
            second.line("taken")
            upload.end()
            self.assertEqual(json.loads(upload.read_body()), expected("second", b"hello"))
        self.until_free()

    def test_sigterm_finishes_what_runs(self) -> None:
        worker = self.process("signals")
        with Upload(self.server) as upload:
            upload.send(b"hel")
            worker.line("taken")
            worker.signal(signal.SIGTERM)
            # It takes nothing more: the second one goes to another worker.
            until(lambda: self.server.state()["workers"], "the state")
            other = self.process("answer", "other")
            self.assertEqual(json.loads(put(self.server, b"x")[1]), expected("other", b"x"))
            upload.send(b"lo")
            upload.end()
            self.assertEqual(json.loads(upload.read_body()), expected("one", b"hello"))
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(worker.count("stopped"), 1)
        self.assertEqual(other.count("taken"), 1)

    def test_sigterm_with_a_deadline_hands_the_request_to_another_one(self) -> None:
        worker = self.process("signals", "one", "50")
        with Upload(self.server) as upload:
            upload.send(b"hello")
            worker.line("taken")
            other = self.process("answer", "other")
            worker.signal(signal.SIGTERM)
            other.line("taken")
            upload.end()
            self.assertEqual(json.loads(upload.read_body()), expected("other", b"hello"))
        self.assertEqual(worker.wait(), 0)

    def test_a_second_sigterm_ends_the_process(self) -> None:
        worker = self.process("signals")
        with Upload(self.server) as upload:
            upload.send(b"hello")
            worker.line("taken")

            def impatient() -> bool:
                worker.signal(signal.SIGTERM)
                return worker._process.poll() is not None

            until(impatient, "the process to end")
            self.assertEqual(worker.wait(), -signal.SIGTERM)

    def test_a_fork_in_the_middle_of_a_body_harms_nobody(self) -> None:
        worker = self.process("fork")
        body = os.urandom(4 * SLOTS * SLOT_BYTES)
        for _ in range(2):
            status, text = put(self.server, body)
            self.assertEqual((status, json.loads(text)), (200, expected("one", body)))
        self.assertEqual(worker.line("child")["seen"], ["Detached"] * 4)
        self.assertEqual(worker.line("waited", 2)["status"], 0)
        self.until_free()


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
        def scan(observation: Observation) -> None:
            with self.assertRaises(errors.InvalidArgument):
                observation.veto(200)
            for chunk in observation.request.body:
                if b"virus" in bytes(chunk.view):
                    return observation.veto(451, "it is ill" + "ö" * 100)
            observation.accept()

        def vetoed(exchange: Exchange) -> None:
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
        def raises(_: Observation) -> None:
            raise RuntimeError("mine")

        for handler in (raises, lambda _: None):
            with in_thread(lambda: self.scan.next().run(handler)):
                with in_thread(lambda: self.worker.next().run(self.answer)):
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
            for _ in range(3 * SLOTS):
                upload.send(b"y" * SLOT_BYTES)
                for one in (scanning, exchange):
                    one.request.body.pull()
            events = []
            with Observer(socket=self.server.socket, on_event=events.append) as late:
                self.assertIsNone(late.next(0))
                until(lambda: late.next(10) or events, "the missed stream")
            upload.end()
            for one in (scanning, exchange):
                one.request.body.discard()
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

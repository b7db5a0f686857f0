"""Worker processes on one server: races, deaths, signals, forks."""

import hashlib
import json
import os
import signal
import threading
import unittest

from support import POOLS, SLOT_BYTES, ServerTest, Upload, put, until

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
        # What the workers print may come after the answers.
        until(lambda: sum(one.count("taken") for one in crew) >= 200, "a line for each stream")
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


if __name__ == "__main__":
    unittest.main()

"""Deadlines that fall at any moment of other threads: nothing is used after it was given back."""

import gc
import os
import random
import threading
import unittest
import zlib

from support import POOLS, SLOT_BYTES, ServerTest, Upload, put

from upload_response import Exchange, UploadResponseError, Worker

ROUNDS = 60


class RacesTest(ServerTest):
    config = {"segment": {"pools": [{**POOLS[0], "streams": 32}]}}

    def test_a_deadline_falls_while_threads_read_and_write(self) -> None:
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        body = os.urandom(6 * SLOT_BYTES)
        crc = zlib.crc32(body)
        wrong = []

        def handler(exchange: Exchange) -> None:
            kind = exchange.id % 3
            response = exchange.respond()
            seen, kept = 0, []
            for chunk in exchange.request.body:
                seen = zlib.crc32(chunk.view, seen)
                if kind == 1:
                    kept.append(chunk.view[:7])
                    del kept[:-2]
                if kind == 2:
                    kept.append(chunk.retain())
                    if len(kept) > 2:
                        kept.pop(0).release()
                response.write(chunk.view)
            if seen != crc:
                wrong.append(exchange.id)
            response.end()

        def client(stop: threading.Event) -> None:
            while not stop.is_set():
                try:
                    put(self.server, body)
                except (OSError, ValueError):
                    pass  # its worker has gone when the answer had begun

        stop = threading.Event()
        clients = [threading.Thread(target=client, args=(stop,)) for _ in range(4)]
        with self.subTest(seed=seed):
            for one in clients:
                one.start()
            try:
                for _ in range(ROUNDS):
                    worker = Worker(socket=self.server.socket, on_event=lambda event: None)
                    running = threading.Thread(target=worker.run, args=(handler, 4))
                    running.start()
                    threading.Event().wait(chance.random() * 0.05)
                    worker.stop(deadline_ms=0)
                    running.join()
                with Worker(socket=self.server.socket, on_event=lambda event: None) as worker:
                    running = threading.Thread(target=worker.run, args=(handler, 4))
                    running.start()
                    stop.set()
                    for one in clients:
                        one.join()
                    worker.begin_stop()
                    running.join()
            finally:
                stop.set()
            gc.collect()
            self.until_free()
            self.assertEqual(wrong, [])

    def test_an_exchange_is_finished_while_another_thread_uses_it(self) -> None:
        with Worker(socket=self.server.socket, on_event=lambda event: None) as worker:
            for _ in range(ROUNDS):
                with Upload(self.server) as upload:
                    upload.send(b"x" * 1000)
                    exchange = worker.next()
                    begun = threading.Event()

                    def use() -> None:
                        try:
                            response = exchange.respond()
                            while True:
                                begun.set()
                                response.write(b"x")
                                exchange.error
                        except UploadResponseError:
                            begun.set()

                    threads = [threading.Thread(target=use) for _ in range(2)]
                    for thread in threads:
                        thread.start()
                    begun.wait()
                    exchange.finish()
                    for thread in threads:
                        thread.join()
            self.until_free()


if __name__ == "__main__":
    unittest.main()

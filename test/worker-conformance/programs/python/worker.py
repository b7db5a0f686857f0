"""The program of the Python SDK: ../../README.md says what it does. Run it with sdk/python on PYTHONPATH."""

import json
import os
import queue
import signal
import sys
import threading
import time
import zlib

from upload_response import Observer, UploadResponseError, Worker, stop_on_signals

socket, role, work, argument = (sys.argv[1:] + [""])[:4]
words: "queue.Queue[str]" = queue.Queue()
_saying = threading.Lock()


def report(event, **fields):
    with _saying:
        sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stdout.flush()


def listen():
    for line in sys.stdin:
        words.put(line)
    os._exit(0)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Tally:
    def __init__(self):
        self.bytes = self.crc = 0

    def add(self, view):
        self.bytes += len(view)
        self.crc = zlib.crc32(view, self.crc)

    def __str__(self):
        return f"{self.bytes} {self.crc:08x}\n"


def read(exchange, each=lambda chunk: None):
    """Reads the whole body and reports it."""
    tally = Tally()
    for chunk in exchange.request.body:
        if tally.bytes == 0:
            report("reading", stream=exchange.id)
        tally.add(chunk.view)
        each(chunk)
    report("read", stream=exchange.id, bytes=tally.bytes, crc32=f"{tally.crc:08x}")
    return tally


def slowly(_chunk):
    time.sleep(float(argument or 2) / 1000)


class Responders:
    def tally(self, exchange):
        tally = read(exchange)
        exchange.respond(200).end(str(tally))

    def slow(self, exchange):
        tally = read(exchange, slowly)
        exchange.respond(200).end(str(tally))

    def overlap(self, exchange):
        response = exchange.respond(200)
        response.write("first\n")
        response.end(str(read(exchange)))

    def echo(self, exchange):
        response = exchange.respond(200)
        read(exchange, lambda chunk: response.write(chunk.view))
        response.end(trailers={"x-end": "yes"})

    def early(self, exchange):
        exchange.respond(200).end("early\n")

    def pin(self, exchange):
        body = exchange.request.body
        kept, rest = Tally(), Tally()
        first = body.pull().view[:]  # lives on when the chunk is released
        for chunk in body:
            rest.add(chunk.view)
        kept.add(first)
        exchange.respond(200).end(f"{kept}{rest}")

    def hoard(self, exchange):
        kept = []

        def keep(chunk):
            kept.append(chunk.retain())
            if len(kept) > 3:
                for one in (kept.pop(1), kept.pop(0)):
                    one.release()

        tally = read(exchange, keep)
        for one in kept:
            one.release()
        exchange.respond(200).end(str(tally))

    def chaos(self, exchange):
        getattr(self, exchange.request.header("x-work"))(exchange)

    def hold(self, exchange):
        words.get()
        self.tally(exchange)

    def stage(self, exchange):
        response = exchange.respond(200)
        dropping = None
        for chunk in exchange.read_stage(argument):
            # Not before: the request is kept for the one that writes the stage.
            if dropping is None:
                dropping = threading.Thread(target=drop, args=(exchange,))
                dropping.start()
            response.write(chunk.view)
        response.end()
        if dropping is not None:
            dropping.join()

    def fail(self, exchange):
        read(exchange)
        exchange.fail()

    def wait(self, exchange):
        exchange.respond(200)
        read(exchange)
        while exchange.error is None:
            time.sleep(0.005)
        raise exchange.error

    def die(self, exchange):
        if argument == "after-claim":
            die()
        if argument == "reading":
            read(exchange, lambda chunk: die())
        response = exchange.respond(200)
        if argument == "after-head":
            die()
        response.write("begun\n")
        die()


class Observers:
    def tally(self, observation):
        read(observation)

    def slow(self, observation):
        read(observation, slowly)

    def stage(self, observation):
        stage = observation.stage(argument)
        complement = bytes(255 - byte for byte in range(256))
        read(observation, lambda chunk: stage.write(chunk.copy().translate(complement)))
        stage.end()

    def die(self, observation):
        read(observation, lambda chunk: die())

    def accept(self, observation):
        read(observation)
        observation.accept()

    def veto(self, observation):
        read(observation)
        observation.veto(422, "refused")


def drop(exchange):
    try:
        exchange.request.body.discard()
    except UploadResponseError:
        pass  # the answer has ended before


def on_event(event):
    if event.type in ("attached", "detached"):
        report(event.type)
    elif event.type == "missed":
        for _ in range(event.count):
            report("missed")


def wants(_head):
    if role == "responder" and argument == "before-claim":
        die()
    return True


def main():
    threading.Thread(target=listen, daemon=True).start()
    works = Responders() if role == "responder" else Observers()
    handle = getattr(works, "accept" if work == "pass" else work)
    options = {
        "socket": socket,
        "name": f"python-{work}",
        "filter": wants,
        "verify": work == "chaos",
        "on_event": on_event,
    }
    if role == "responder":
        worker = Worker(**options)
    else:
        worker = Observer(required=role.partition(":")[2] or None, **options)

    def handler(exchange):
        report("taken", stream=exchange.id)
        try:
            handle(exchange)
        except UploadResponseError as error:
            report("failed", stream=exchange.id, code=error.code)
            raise

    with worker:
        stop_on_signals(worker)
        worker.run(handler, threads=16)


try:
    main()
except UploadResponseError as error:
    report("error", code=error.code)
    sys.exit(1)

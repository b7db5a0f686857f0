"""The program of the Python SDK: ../../README.md says what it does."""

import json
import os
import queue
import signal
import sys
import threading
import time
import zlib

from upload_response import Observer, Worker, WorkerEvent, access_units, stop_on_signals
from upload_response.errors import UploadResponseError

socket, role, work = sys.argv[1:4]
argument = sys.argv[4] if len(sys.argv) > 4 else None
_printing = threading.Lock()
_words: "queue.Queue[str]" = queue.Queue()
_COMPLEMENT = bytes(255 - byte for byte in range(256))


def report(event, **more):
    with _printing:
        print(json.dumps({"event": event, **more}), flush=True)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def read_words():
    for line in sys.stdin:
        _words.put(line)
    os._exit(0)


class Tally:
    def __init__(self):
        self.bytes = 0
        self.crc = 0

    def add(self, view):
        self.bytes += len(view)
        self.crc = zlib.crc32(view, self.crc)

    def __str__(self):
        return f"{self.bytes} {self.crc:08x}\n"


def read(work_on, each=lambda chunk: None):
    """Reads the whole body and reports it."""
    tally = Tally()
    for chunk in work_on.request.body:
        if tally.bytes == 0:
            report("reading", stream=work_on.id)
        tally.add(chunk.view)
        each(chunk)
    report("read", stream=work_on.id, bytes=tally.bytes, crc32=f"{tally.crc:08x}")
    return tally


def read_units(work_on):
    """Reads the body as access units and reports them."""
    tally, units, first, keys = Tally(), 0, -1, 0
    for unit in access_units(work_on):
        if units == 0:
            first = unit.id
            report("reading", stream=work_on.id)
        units += 1
        tally.add(unit.data)
        keys += unit.key
        if argument is not None:
            with open(f"{argument}/{unit.stream_type}-{unit.track}", "ab") as file:
                file.write(unit.data)
    said = {"units": units, "first": first, "keys": keys, "bytes": tally.bytes}
    report("units", stream=work_on.id, crc32=f"{tally.crc:08x}", **said)
    return tally


def slowly(_chunk):
    time.sleep(int(argument or 2) / 1000)


# ---- Responders ----


def tally(exchange):
    text = str(read(exchange))
    exchange.respond(200).end(text)


def slow(exchange):
    text = str(read(exchange, slowly))
    exchange.respond(200).end(text)


def answer_units(exchange):
    text = str(read_units(exchange))
    exchange.respond(200).end(text)


def overlap(exchange):
    response = exchange.respond(200)
    response.write("first\n")
    response.end(str(read(exchange)))


def echo(exchange):
    response = exchange.respond(200)
    read(exchange, lambda chunk: response.write(chunk.view))
    response.end(trailers={"x-end": "yes"})


def early(exchange):
    exchange.respond(200).end("early\n")


def pin(exchange):
    kept, rest = Tally(), Tally()
    first = exchange.request.body.pull().retain()
    for chunk in exchange.request.body:
        rest.add(chunk.view)
    kept.add(first.view)
    first.release()
    exchange.respond(200).end(f"{kept}{rest}")


def hoard(exchange):
    kept = []

    def keep(chunk):
        kept.append(chunk.retain())
        if len(kept) > 3:
            for one in reversed(kept[:2]):
                one.release()
            del kept[:2]

    text = str(read(exchange, keep))
    for one in kept:
        one.release()
    exchange.respond(200).end(text)


def hold(exchange):
    _words.get()
    tally(exchange)


def stage(exchange):
    response = exchange.respond(200)
    for chunk in exchange.read_stage(argument):
        # Not before: the request is kept for the one that writes the stage.
        if not exchange.request.body.used:
            threading.Thread(target=discard, args=(exchange,), daemon=True).start()
        response.write(chunk.view)
    response.end()


def discard(exchange):
    try:
        exchange.request.body.discard()
    except UploadResponseError:
        pass  # The answer has ended before it.


def fail(exchange):
    read(exchange)
    exchange.fail()


def wait(exchange):
    exchange.respond(200)
    read(exchange)
    while exchange.error is None:
        time.sleep(0.005)
    raise exchange.error


def dying(exchange):
    if argument == "after-claim":
        die()
    if argument == "reading":
        read(exchange, lambda _: die())
    response = exchange.respond(200)
    if argument == "mid-body":
        response.write("begun\n")
    _words.get()
    die()


def chaos(exchange):
    RESPONDERS[exchange.request.header("x-work")](exchange)


RESPONDERS = {
    "tally": tally,
    "slow": slow,
    "units": answer_units,
    "overlap": overlap,
    "echo": echo,
    "early": early,
    "pin": pin,
    "hoard": hoard,
    "hold": hold,
    "stage": stage,
    "fail": fail,
    "wait": wait,
    "die": dying,
    "chaos": chaos,
}

# ---- Observers ----


def write_stage(observation):
    lane = observation.stage(argument)
    read(observation, lambda chunk: lane.write(bytes(chunk.view).translate(_COMPLEMENT)))
    lane.end()


def accept(observation):
    read(observation)
    observation.accept()


def veto(observation):
    read(observation)
    observation.veto(422, "refused")


OBSERVERS = {
    "tally": read,
    "slow": lambda observation: read(observation, slowly),
    "units": read_units,
    "stage": write_stage,
    "die": lambda observation: read(observation, lambda _: die()),
    "pass": accept,
    "veto": veto,
}

# ---- The worker ----


def on_event(event: WorkerEvent):
    if event.type in ("attached", "detached"):
        report(event.type)
    elif event.type == "missed":
        for _ in range(event.count):
            report("missed")


def wanted(_head):
    if role == "responder" and argument == "before-claim":
        die()
    return True


def run(worker, works):
    def handler(exchange):
        report("taken", stream=exchange.id)
        try:
            works[work](exchange)
        except UploadResponseError as error:
            report("failed", stream=exchange.id, code=error.code)
            raise

    stop_on_signals(worker)
    worker.run(handler)


def main():
    threading.Thread(target=read_words, daemon=True).start()
    options = {
        "socket": socket,
        "name": f"python-{work}",
        "verify": work == "chaos",
        "filter": wanted,
        "on_event": on_event,
    }
    try:
        if role == "responder":
            with Worker(**options) as worker:
                run(worker, RESPONDERS)
        else:
            required = role.partition(":")[2] or None
            start = "keyframe" if role == "late" else "start"
            with Observer(required=required, from_=start, **options) as observer:
                run(observer, OBSERVERS)
    except UploadResponseError as error:
        report("error", code=error.code)
        return 1
    return 0


sys.exit(main())

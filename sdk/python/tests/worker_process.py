"""A worker in a process of its own. Usage: worker_process.py MODE SOCKET NAME [OPTION]

Prints a JSON line for each thing that happens. The modes:

answer   reads the body and answers NAME, its size and its SHA-256
slow     the same, and says so before: between each chunk and the next it waits for a line of input
hold     takes one stream and keeps it until it is killed
signals  as answer, and stops at SIGTERM; OPTION is the deadline in ms
fork     forks in the middle of a body: the child ends on its own, the parent goes on
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from upload_response import Exchange, Worker, errors, stop_on_signals


def say(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def answer(exchange: Exchange, name: str, pause: bool = False) -> None:
    say("taken", id=exchange.id)
    digest, size = hashlib.sha256(), 0
    for chunk in exchange.request.body:
        digest.update(chunk.view)
        size += len(chunk)
        if pause:
            say("chunk", slot=chunk.slot)
            sys.stdin.readline()
    result = {"name": name, "size": size, "sha256": digest.hexdigest()}
    exchange.respond(200).end(json.dumps(result))


def child_of_a_fork(exchange: Exchange, chunk: Any) -> None:
    """Nothing of the parent's may be used, and nothing that happens here is felt there."""
    seen = []
    for use in (
        lambda: chunk.view,
        lambda: exchange.request.body.pull(),
        lambda: exchange.respond(200),
        lambda: Worker.next(worker_of_this_process, 0),
    ):
        try:
            use()
            seen.append("nothing")
        except errors.Detached:
            seen.append("Detached")
    say("child", seen=seen)
    # As any program ends: with its destructors, and the interpreter's own.
    sys.exit(0)


def fork(exchange: Exchange, name: str) -> None:
    digest, size = hashlib.sha256(), 0
    for chunk in exchange.request.body:
        if size == 0:
            child = os.fork()
            if child == 0:
                child_of_a_fork(exchange, chunk)
            _, status = os.waitpid(child, 0)
            say("waited", status=status)
        digest.update(chunk.view)
        size += len(chunk)
    result = {"name": name, "size": size, "sha256": digest.hexdigest()}
    exchange.respond(200).end(json.dumps(result))


def main(mode: str, socket: str, name: str, option: str = "") -> None:
    global worker_of_this_process
    with Worker(socket=socket, name=name, concurrency=4, wait_for_server=True) as worker:
        worker_of_this_process = worker
        if mode == "signals":
            stop_on_signals(worker, deadline_ms=int(option) if option else None)
        say("attached", index=worker.index)
        for exchange in worker:
            if mode == "hold":
                say("taken", id=exchange.id)
                time.sleep(3600)
            elif mode == "fork":
                fork(exchange, name)
            else:
                exchange.run(lambda one: answer(one, name, pause=mode == "slow"))
    say("stopped")


if __name__ == "__main__":
    main(*sys.argv[1:])

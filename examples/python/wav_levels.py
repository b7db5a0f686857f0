"""Decodes an uploaded WAV file while it arrives: answers with a line of JSON for each second of sound.

python3 wav_levels.py [SOCKET]
"""

import json
import sys

from upload_response import Worker, stop_on_signals
from wav import WavError, WavReader


def levels(exchange):
    wav, response = WavReader(), None
    try:
        for chunk in exchange.request.body:
            for line in wav.feed(chunk.view):
                response = response or answer(exchange)
                response.write(json.dumps(line) + "\n")
        last = wav.end()
    except WavError as error:
        if response is not None:
            raise
        exchange.respond(415, {"content-type": "text/plain"}).end(f"{error}\n")
        return
    response = response or answer(exchange)
    response.end(json.dumps(last) + "\n" if last else None)


def answer(exchange):
    return exchange.respond(200, {"content-type": "application/x-ndjson"})


with Worker(socket=(sys.argv + [None])[1], wait_for_server=True) as worker:
    stop_on_signals(worker)
    worker.run(levels, threads=4)

#!/usr/bin/env python3
"""A worker on another machine, with nothing but Python's standard library: it answers every upload with
its SHA-256 and size, through the control API of the server.

    python3 remote-worker.py http://127.0.0.1:8080 --id gpu-7
    UR_TOKEN=ur_... python3 remote-worker.py https://uploads.example --path /upload/video
"""

import argparse
import hashlib
import http.client
import json
import os
import signal
import ssl
import sys
import time
from urllib.parse import quote, urlsplit

WAIT_MS = 20_000  # how long the server waits for something before it says that there is nothing


class ApiError(Exception):
    """The server refuses: `code` is one of docs/errors.md."""

    def __init__(self, status, body):
        told = json.loads(body) if body.startswith(b"{") else {}
        self.code = told.get("error", f"HTTP {status}")
        super().__init__(told.get("message", self.code))


class ControlApi:
    """One connection to the server, made again when it has been closed."""

    def __init__(self, url, token, ca_file):
        self.address = urlsplit(url)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.ca_file = ca_file
        self.connection = None

    def connect(self):
        host, port = self.address.hostname, self.address.port
        timeout = WAIT_MS / 1000 + 30
        if self.address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, method, path, body=None, headers=()):
        """Status, header fields and body of the answer. A request may be sent twice: every one that is
        sent here can be repeated."""
        fields = {**self.headers, **dict(headers)}
        if isinstance(body, dict):
            body, fields["Content-Type"] = json.dumps(body), "application/json"
        for attempt in (1, 2):
            fresh = self.connection is None
            try:
                self.connection = self.connection or self.connect()
                self.connection.request(method, f"/_upload_response{path}", body, fields)
                answer = self.connection.getresponse()
                data = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                # The server closes connections on which nothing was sent for a while.
                self.close()
                if fresh or attempt == 2:
                    raise
        if answer.status >= 400:
            raise ApiError(answer.status, data)
        return answer.status, answer.headers, data

    def json(self, *arguments, **named):
        data = self.call(*arguments, **named)[2]
        return json.loads(data) if data else None


def body_of(api, worker, stream):
    """The body's bytes as they arrive. Asking for a slot gives those before it back."""
    slot = 1
    while True:
        path = f"/streams/{stream}/request/slots/{slot}?worker={worker}&wait={WAIT_MS}"
        status, headers, data = api.call("GET", path)
        if status == 204:
            continue
        kind = headers["X-Upload-Response-Slot-Type"]
        if kind == "end":
            return
        if kind == "body":
            yield data
        slot += 1


def answer(api, worker, claim):
    stream, shown = claim["stream"], {"X-Upload-Response-Claim": claim["token"]}
    digest, size = hashlib.sha256(), 0
    for data in body_of(api, worker, stream):
        digest.update(data)
        size += len(data)
    body = json.dumps({"sha256": digest.hexdigest(), "size": size, "worker": worker}) + "\n"
    response = f"/streams/{stream}/response"
    head = {"status": 200, "headers": [["content-type", "application/json"]]}
    api.call("PUT", f"{response}/headers", head, shown)
    api.call("PUT", f"{response}/body?offset=0", body.encode(), shown)
    api.call("PUT", f"{response}/end", headers=shown)
    print(f"{claim['request']['method']} {claim['request']['path']}: {size} bytes", flush=True)


def work(api, worker, path):
    api.json("PUT", f"/workers/{worker}/heartbeat", {"capacity": 1})
    print(f"{worker} waits for uploads", flush=True)
    while True:
        claim = api.json("POST", f"/workers/{worker}/take?wait={WAIT_MS}&path={quote(path)}")
        if claim is None:
            continue
        try:
            answer(api, worker, claim)
        except ApiError as error:
            # The client has left, or another worker goes on: nothing is to be done about it.
            if error.code not in ("STALE_STREAM", "NOT_OWNER", "EVICTED", "NOT_A_READER"):
                raise
            print(f"stream {claim['stream']}: {error}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server", help="URL of the server, without a path")
    parser.add_argument("--id", default=f"py-{os.uname().nodename.split('.')[0]}-{os.getpid()}")
    parser.add_argument("--path", default="/", help="takes requests to this path or below it")
    parser.add_argument("--ca-file", help="who has signed the server's certificate, PEM")
    options = parser.parse_args()
    api = ControlApi(options.server, os.environ.get("UR_TOKEN"), options.ca_file)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            try:
                work(api, options.id, options.path)
            except (ApiError, OSError, http.client.HTTPException) as error:
                if isinstance(error, ApiError) and error.code in ("UNAUTHENTICATED", "FORBIDDEN"):
                    sys.exit(str(error))
                # It was silent for too long, or the server is not there.
                print(f"{error}; again in 1 s", file=sys.stderr, flush=True)
                time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        try:
            # On a connection of its own: the other one may be in the middle of an answer.
            api.close()
            api.call("DELETE", f"/workers/{options.id}")
        except (ApiError, OSError, http.client.HTTPException):
            pass
        api.close()


main()

"""What the tests share: a server process, and uploads that are sent by hand."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
WATCHDOG_SECONDS = 30.0
#: Small rings, so that they are full soon.
POOLS = [{"name": "uploads", "streams": 8, "requestSlots": 8, "responseSlots": 4}]
SLOT_BYTES = 64 * 1024

sys.path.insert(0, str(HERE.parent))


def until(condition: Callable[[], Any], what: str) -> Any:
    """Returns what the condition returns as soon as that is true."""
    end = time.monotonic() + WATCHDOG_SECONDS
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {WATCHDOG_SECONDS} s in vain for {what}")
        time.sleep(0.002)


class Server:
    """A real server in a Node process."""

    def __init__(self, config: Optional[Dict[str, Any]] = None) -> None:
        self.folder = tempfile.mkdtemp(prefix="ur-python-")
        self.socket = os.path.join(self.folder, "control.sock")
        self.config: Dict[str, Any] = {
            "segment": {"pools": POOLS, "maxWorkers": 20},
            # Streams wait here for programs that start while they are open, which takes its time.
            "limits": {"noWorkerTimeoutMs": 60_000, "minRateBytesPerSecond": 0},
        }
        for key, value in (config or {}).items():
            self.config[key] = {**self.config.get(key, {}), **value}
        self.port = 0
        self.start()

    def start(self) -> None:
        """Starts it, again on the port that it had before."""
        arguments = ["node", str(HERE / "server.mjs"), self.socket]
        self._process = subprocess.Popen(
            [*arguments, json.dumps({**self.config, "port": self.port})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lock = threading.Lock()
        self.port = self._read()["port"]

    def state(self) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(b"state\n")
            self._process.stdin.flush()
            return self._read()

    def until_free(self) -> None:
        """Every place is free."""
        until(lambda: self.state()["busy"] == 0, "every stream to be free")

    def kill(self) -> None:
        self._process.kill()
        self._wait()

    def stop(self) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(WATCHDOG_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._wait()

    def _wait(self) -> None:
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the server has ended")
        return json.loads(line)


class Process:
    """A program that prints JSON lines: a worker, see worker_process.py."""

    def command(self) -> List[str]:
        """What Python runs."""
        return [str(HERE / "worker_process.py")]

    def __init__(self, *arguments: str, **environment: str):
        self.lines: List[Dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error::ResourceWarning"]
            + self.command()
            + list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        #: What it has written to standard error.
        self.errors = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._error_reader = threading.Thread(target=self._read_errors, daemon=True)
        self._error_reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.errors += line

    def count(self, event: str) -> int:
        return sum(line["event"] == event for line in list(self.lines))

    def line(self, event: str, number: int = 1) -> Dict[str, Any]:
        """Waits for the line of this number and kind."""

        def found() -> Any:
            # Asked first: what it wrote last may come between the two.
            ended = not self._reader.is_alive()
            lines = [line for line in list(self.lines) if line["event"] == event]
            if len(lines) < number and ended:
                raise AssertionError(f"ended without {event}: {self.lines}\n{self.errors}")
            return lines[number - 1] if len(lines) >= number else None

        result: Dict[str, Any] = until(found, f"line {number} of {event}")
        return result

    def tell(self) -> None:
        """One line of input."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code."""
        code = self._process.wait(WATCHDOG_SECONDS)
        self._reader.join(WATCHDOG_SECONDS)
        return code

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(WATCHDOG_SECONDS)
        self._error_reader.join(WATCHDOG_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Upload:
    """One request, sent and received by hand over a socket of its own."""

    def __init__(
        self,
        server: Server,
        path: str = "/upload",
        length: Optional[int] = None,
        method: str = "PUT",
        headers: Tuple[Tuple[str, str], ...] = (),
    ) -> None:
        """``length`` is announced; without it the body is chunked."""
        self._socket = socket.create_connection(("127.0.0.1", server.port), WATCHDOG_SECONDS)
        self._chunked = length is None
        body = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{fields}{body}\r\n\r\n"
        self._socket.sendall(head.encode("latin-1"))
        self._input = self._socket.makefile("rb")
        self.status = 0
        self.headers: Dict[str, str] = {}

    def send(self, data: bytes) -> None:
        """Sends a piece of the body."""
        if self._chunked:
            data = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        self._socket.sendall(data)

    def send_soon(self, data: bytes) -> threading.Thread:
        """The same in a thread, where the server may make it wait."""

        def send() -> None:
            with contextlib.suppress(OSError):
                self.send(data)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        return thread

    def end(self, trailers: str = "") -> None:
        if self._chunked:
            self._socket.sendall(f"0\r\n{trailers}\r\n".encode())

    def read_head(self) -> int:
        """Waits for the answer's head; returns the status."""
        while self.status < 200:
            line = self._input.readline()
            if not line:
                raise ConnectionResetError("the connection ended before the answer")
            self.status = int(line.split()[1])
            self.headers = {}
            while True:
                line = self._input.readline().rstrip(b"\r\n")
                if not line:
                    break
                name, _, value = line.partition(b":")
                self.headers[name.decode().lower()] = value.strip().decode("latin-1")
        return self.status

    def read_piece(self) -> bytes:
        """The next piece of a chunked answer; b"" at its end, whose trailer fields join the head's."""
        size = int(self._input.readline() or b"-1", 16)
        if size < 0:
            raise ConnectionResetError("the connection ended in the answer")
        if size > 0:
            data = self._input.read(size)
            self._input.readline()
            return data
        while True:
            line = self._input.readline().rstrip(b"\r\n")
            if not line:
                return b""
            name, _, value = line.partition(b":")
            self.headers[name.decode().lower()] = value.strip().decode("latin-1")

    def read_body(self) -> bytes:
        """The rest of the answer."""
        self.read_head()
        length = self.headers.get("content-length")
        if length is not None:
            return self._input.read(int(length))
        if "transfer-encoding" not in self.headers:
            return b""
        pieces: List[bytes] = []
        while True:
            piece = self.read_piece()
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    def close(self) -> None:
        self._input.close()
        self._socket.close()

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def put(server: Server, body: bytes = b"", **options: Any) -> Tuple[int, bytes]:
    """One whole request: the status and the answer's body."""
    with Upload(server, length=len(body), **options) as upload:
        sending = upload.send_soon(body)
        status, answer = upload.read_head(), upload.read_body()
        sending.join(WATCHDOG_SECONDS)
        return status, answer


@contextlib.contextmanager
def in_thread(call: Callable[..., Any], *arguments: Any) -> Iterator[threading.Thread]:
    """Runs the call beside the block, and waits for its end; what it raises is raised here."""
    failures: List[BaseException] = []

    def run() -> None:
        try:
            call(*arguments)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield thread
    thread.join(WATCHDOG_SECONDS)
    if thread.is_alive():
        raise AssertionError("the thread does not end")
    if failures:
        raise failures[0]


class ServerTest(unittest.TestCase):
    """Tests of one class share a server."""

    config: Dict[str, Any] = {}
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(cls.config)
        cls.addClassCleanup(cls.server.stop)

    def until_free(self) -> None:
        self.server.until_free()

    def process(self, mode: str, name: str = "one", *options: str) -> Process:
        """A worker process that is attached; it is killed at the test's end."""
        process = Process(mode, self.server.socket, name, *options)
        self.addCleanup(process.kill)
        process.line("attached")
        return process

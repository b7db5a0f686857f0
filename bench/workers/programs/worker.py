"""The worker of bench:workers in Python: what worker.c is in C. ../README.md says what goes in and out."""

import ctypes
import http.server
import json
import resource
import socket
import struct
import sys
import time

REPORT = 512
MESSAGE = 64
BUFFER = 256 * 1024


class PyBuffer(ctypes.Structure):
    """Py_buffer, for addresses of read-only memory, which ctypes does not give."""

    _fields_ = [
        ("buf", ctypes.c_void_p), ("obj", ctypes.py_object), ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p), ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p), ("internal", ctypes.c_void_p),
    ]


class Xxh3:
    """XXH3-64 by the library that the benchmark compiles; as fast as hashlib's are."""

    def __init__(self, library):
        self._xxh = ctypes.CDLL(library)
        self._xxh.bench_xxh3_new.restype = ctypes.c_void_p
        self._xxh.bench_xxh3_update.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self._xxh.bench_xxh3_digest.argtypes = [ctypes.c_void_p]
        self._xxh.bench_xxh3_digest.restype = ctypes.c_uint64
        self._state = self._xxh.bench_xxh3_new()
        python = ctypes.PyDLL(None)
        self._get = python.PyObject_GetBuffer
        self._get.argtypes = [ctypes.py_object, ctypes.POINTER(PyBuffer), ctypes.c_int]
        self._release = python.PyBuffer_Release
        self._release.argtypes = [ctypes.POINTER(PyBuffer)]

    def update(self, data):
        view = PyBuffer()
        self._get(data, view, 0)
        self._xxh.bench_xxh3_update(self._state, view.buf, view.len)
        self._release(view)

    def hexdigest(self):
        return f"{self._xxh.bench_xxh3_digest(self._state):016x}"


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def work(body, write):
    before = cpu_seconds()
    digest = Xxh3(LIBRARY)
    ages = []
    count = 0
    for data in body:
        count += len(data)
        if ECHO:
            digest.update(data)
            write(data)
        else:
            for at in range(0, len(data) - MESSAGE + 1, MESSAGE):
                ages.append(time.monotonic_ns() - struct.unpack_from("<Q", data, at)[0])
    if ages:
        write(struct.pack(f"<{len(ages)}Q", *ages))
    report = {"bytes": count, "hash": digest.hexdigest(), "cpuSeconds": cpu_seconds() - before}
    write(json.dumps(report).ljust(REPORT).encode())


def ready(text):
    print(text, flush=True)


def wait_for_parent():
    sys.stdin.buffer.read()


def serve_ring(path):
    from upload_response import Worker

    with Worker(socket=path) as worker:
        ready("ready")
        for exchange in worker:
            response = exchange.respond(200)
            work((chunk.view for chunk in exchange.request.body), response.write)
            response.end()
            break
        wait_for_parent()


def take(connection, left):
    buffer = memoryview(bytearray(BUFFER))
    while left > 0:
        got = connection.recv_into(buffer[: min(left, BUFFER)])
        if got == 0:
            raise EOFError("the client has gone")
        left -= got
        yield buffer[:got]


def serve_unix(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    ready("ready")
    connection, _ = listener.accept()
    (length,) = struct.unpack("<Q", connection.recv(8, socket.MSG_WAITALL))
    work(take(connection, length), connection.sendall)
    connection.shutdown(socket.SHUT_WR)
    wait_for_parent()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers["content-length"])
        self.send_response(200)
        answer = (length if ECHO else length // MESSAGE * 8) + REPORT
        self.send_header("content-length", str(answer))
        self.end_headers()
        work(self.body(length), self.wfile.write)

    def body(self, left):
        while left > 0:
            data = self.rfile.read1(min(left, BUFFER))
            left -= len(data)
            yield data

    def log_message(self, *_):
        pass


def serve_http(_):
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    ready(server.server_port)
    server.handle_request()
    wait_for_parent()


FROM, ADDRESS, KIND, LIBRARY = sys.argv[1:]
ECHO = KIND == "echo"
{"ring": serve_ring, "unix": serve_unix, "http": serve_http}[FROM](ADDRESS)

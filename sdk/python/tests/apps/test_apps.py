"""With what other projects make: FastAPI, Starlette, Django, numpy, mypy, pip."""

import gc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy
import test_asgi
import test_examples
from support import HERE, POOLS, ROOT, SLOT_BYTES, ServerTest, Upload, put

from upload_response import Worker

SLOTS = POOLS[0]["requestSlots"]
APPS = Path(__file__).resolve().parent


class FrameworkTest(ServerTest):
    config = test_asgi.AsgiTest.config
    numbers = test_asgi.AsgiTest.numbers
    run_app = test_asgi.AsgiTest.run_app

    def digest_of(self, path: str) -> None:
        body = os.urandom(20 * SLOT_BYTES)
        status, text = put(self.server, body, path=path)
        self.assertEqual(status, 200)
        expected = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
        self.assertEqual(json.loads(text), expected)

    def test_fastapi(self) -> None:
        folder = str(ROOT / "examples" / "python")
        self.run_app("--app-dir", folder, "--mount", "/upload", app="fastapi_app:app")
        self.digest_of("/upload/digest")
        with Upload(self.server, "/upload/items/7?name=x", 0, "GET") as upload:
            self.assertEqual(json.loads(upload.read_body()), {"number": 7, "name": "x"})
        for path, method, status in (
            ("/upload/items/x", "GET", 422),
            ("/upload/none", "GET", 404),
            ("/upload/digest", "GET", 405),
            ("/upload/digest", "PUT", 422),
        ):
            with Upload(self.server, path, 0, method) as upload:
                self.assertEqual(upload.read_head(), status)
        with Upload(self.server, "/upload/openapi.json", 0, "GET") as upload:
            self.assertEqual(json.loads(upload.read_body())["servers"], [{"url": "/upload"}])
        self.assertEqual(
            put(self.server, "ö\nabc\n".encode(), path="/upload/lines"), (200, b"1\n3\n")
        )
        self.until_free()

    def test_starlette(self) -> None:
        app = self.run_app(
            *("--app-dir", str(APPS), "--mount", "/upload"), app="starlette_app:app"
        )
        with Upload(self.server, "/upload/state", 0, "GET") as upload:
            state = json.loads(upload.read_body())
        self.assertEqual(state["started"], ["yes"])
        self.assertEqual(state["url"], "http://localhost/upload/state")
        self.assertIsNone(state["client"])
        options = {"path": "/upload/sub/size", "method": "POST"}
        self.assertEqual(put(self.server, b"x" * 200_000, **options), (200, b"200000"))
        options = {"path": "/upload/background", "method": "GET", "length": 0}
        with Upload(self.server, headers=(("accept-encoding", "gzip"),), **options) as upload:
            packed = upload.read_body()
            self.assertEqual(upload.headers["content-encoding"], "gzip")
        self.assertEqual(zlib.decompress(packed, 31), b"x" * 5000)
        app.line("background")
        self.until_free()

    def test_django(self) -> None:
        app = self.run_app(*("--app-dir", str(APPS), "--mount", "/upload"), app="django_app")
        self.digest_of("/upload/digest")
        with Upload(self.server, "/upload/where?a=b", 0, "GET") as upload:
            self.assertEqual(upload.read_body(), b"http://localhost/upload/where?a=b")
        app.kill()
        self.run_app(*("--app-dir", str(APPS), "--root-path", "/upload"), app="django_app")
        with Upload(self.server, "/upload/where", 0, "GET") as upload:
            self.assertEqual(upload.read_body(), b"http://localhost/upload/where")
        self.until_free()


class NumpyTest(ServerTest):
    def test_arrays_look_at_the_shared_memory_and_keep_it(self) -> None:
        with Worker(socket=self.server.socket) as worker, Upload(self.server) as upload:
            with worker.next() as exchange:
                body = exchange.request.body
                first = numpy.arange(1000, dtype="<i4")
                upload.send(first.tobytes())
                chunk = body.pull()
                kept = numpy.frombuffer(chunk.view, dtype="<i4")
                self.assertFalse(kept.flags.owndata)
                self.assertFalse(kept.flags.writeable)
                where = numpy.frombuffer(chunk.view, dtype="u1").ctypes.data
                self.assertEqual(kept.ctypes.data, where)
                for number in range(SLOTS - 1):
                    upload.send(bytes([number]) * 4000)
                    # Nothing is kept of this one.
                    self.assertEqual(numpy.frombuffer(body.pull().view, dtype="u1").sum(), number * 4000)
                part = kept[10:20]
                del kept, chunk
                gc.collect()
                upload.send(b"next")
                self.assertTrue((part == first[10:20]).all())
                self.assertEqual(self.server.state()["streams"][0]["pins"][0], "2")
                del part
                self.assertEqual(body.pull().view, b"next")
                exchange.respond().end()

    def test_the_answer_is_filled_by_numpy(self) -> None:
        with Worker(socket=self.server.socket) as worker, Upload(self.server, length=0) as upload:
            with worker.next() as exchange:
                response = exchange.respond()
                view = response.reserve()
                samples = numpy.frombuffer(view, dtype="<f8")
                samples[:100] = numpy.linspace(0, 1, 100)
                with self.assertRaises(BufferError):
                    response.commit(800)
                del samples
                response.commit(800)
                response.write(numpy.ones(3, dtype="<f8"))
                response.end()
            answer = numpy.frombuffer(upload.read_body(), dtype="<f8")
        self.assertTrue((answer == numpy.append(numpy.linspace(0, 1, 100), [1, 1, 1])).all())


class ExampleWithNumpy(test_examples.Example):
    options = []


class WavWithNumpyTest(test_examples.WavTest):
    process_type = ExampleWithNumpy


class TypesTest(unittest.TestCase):
    def check(self, *arguments: str):
        return subprocess.run(
            ["/usr/bin/mypy", "--strict", "--cache-dir", os.devnull, *arguments],
            cwd=HERE.parent,
            capture_output=True,
            text=True,
        )

    def test_mypy_has_nothing_to_say(self) -> None:
        for version in ("3.9", "3.11"):
            result = self.check("--python-version", version, "-p", "upload_response")
            self.assertEqual(result.returncode, 0, result.stdout)
            result = self.check("--python-version", version, str(APPS / "typed_worker.py"))
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_wrong_use_is_found(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write("from upload_response import Worker\nWorker(soket='x')\n")
            file.write("for exchange in Worker():\n    exchange.respond('200').writ(b'')\n")
            file.flush()
            result = self.check(file.name)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.count("error:"), 3, result.stdout)


class WheelTest(ServerTest):
    def test_the_wheel_is_installed_and_works_alone(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="ur-wheel-"))
        self.addCleanup(shutil.rmtree, folder)
        backend = str(HERE.parent / "wheel_backend.py")
        run = {"check": True, "capture_output": True, "text": True, "timeout": 300}
        subprocess.run([sys.executable, "-B", backend, str(folder)], **run)
        (wheel,) = folder.glob("*.whl")
        again = folder / "again"
        subprocess.run([sys.executable, "-B", backend, str(again)], **run)
        self.assertEqual((again / wheel.name).read_bytes(), wheel.read_bytes())
        target = folder / "target"
        pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target"]
        subprocess.run([*pip, str(target), str(wheel)], **run)
        program = (
            "import sys, upload_response, upload_response._library as library\n"
            "worker = upload_response.Worker(socket=sys.argv[1])\n"
            "maps = open('/proc/self/maps').read()\n"
            "assert next(library.candidates()) in maps, maps\n"
            "worker.next().run(lambda one: one.respond().end(one.request.bytes()))\n"
            "worker.stop()\n"
        )
        environment = {key: value for key, value in os.environ.items() if key != "UR_LIBRARY"}
        worker = subprocess.Popen(
            [sys.executable, "-c", program, self.server.socket],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(target)},
        )
        self.assertEqual(put(self.server, b"hello"), (200, b"hello"))
        self.assertEqual(worker.wait(30), 0)


if __name__ == "__main__":
    unittest.main()

"""python -m upload_response.asgi, with an application of no framework."""

import itertools
import json
import os
import signal
import subprocess
import sys
import unittest

from support import HERE, POOLS, SLOT_BYTES, Process, ServerTest, Upload, put, until

SDK = str(HERE.parent)


class AsgiProcess(Process):
    """The adapter's command line, with asgi_app.py."""

    def command(self):
        return ["-m", "upload_response.asgi", "--app-dir", str(HERE)]


class AsgiTest(ServerTest):
    config = {"segment": {"pools": [{**POOLS[0], "streams": 32}]}}

    numbers = itertools.count()

    def run_app(self, *options: str, app: str = "asgi_app", **environment: str) -> Process:
        name = f"app-{next(self.numbers)}"
        process = AsgiProcess(
            *(app, "--socket", self.server.socket, "--name", name, *options),
            PYTHONPATH=SDK,
            **environment,
        )
        self.addCleanup(process.kill)

        def attached() -> bool:
            if process._process.poll() is not None:
                raise AssertionError(process.errors)
            return name in [one["name"] for one in self.server.state()["workers"]]

        until(attached, "the app to be attached")
        return process

    def tearDown(self) -> None:
        self.until_free()

    def scope(self, path: str = "/upload/scope", **options):
        status, text = put(self.server, path=path, **options)
        self.assertEqual(status, 200)
        return json.loads(text)

    def test_the_scope(self) -> None:
        self.run_app("--capacity", "3")
        scope = self.scope("/upload/%C3%B6%2Fx/scope?a=%20b&c", headers=(("X-A", "é"), ("x-a", "2")))
        self.assertEqual(scope["type"], "http")
        self.assertEqual(scope["asgi"], {"version": "3.0", "spec_version": "2.3"})
        self.assertEqual((scope["method"], scope["http_version"]), ("PUT", "1.1"))
        self.assertEqual((scope["scheme"], scope["root_path"]), ("http", ""))
        self.assertEqual(scope["path"], "/upload/ö/x/scope")
        self.assertEqual(scope["raw_path"], "/upload/%C3%B6%2Fx/scope")
        self.assertEqual(scope["query_string"], "a=%20b&c")
        self.assertEqual(scope["server"], ["localhost", 80])
        self.assertIsNone(scope["client"])
        self.assertEqual(scope["state"], {"greeting": "hello"})
        twice = [pair for pair in scope["headers"] if pair[0] == "x-a"]
        self.assertEqual(twice, [["x-a", "é"], ["x-a", "2"]])
        self.assertIn(["host", "localhost"], scope["headers"])
        workers = self.server.state()["workers"]
        self.assertIn(3, [one["capacity"] for one in workers])

    def test_where_it_is_mounted(self) -> None:
        app = self.run_app("--root-path", "/upload/")
        scope = self.scope()
        self.assertEqual((scope["root_path"], scope["path"]), ("/upload", "/upload/scope"))
        app.kill()
        self.run_app("--mount", "/upload", "--client-header", "x-forwarded-for")
        scope = self.scope(headers=(("x-forwarded-for", "10.0.0.1, 192.0.2.7:99"),))
        self.assertEqual((scope["root_path"], scope["path"]), ("/upload", "/scope"))
        self.assertEqual(scope["raw_path"], "/upload/scope")
        self.assertEqual(scope["client"], ["192.0.2.7", 99])
        self.assertIsNone(self.scope()["client"])

    def test_bodies_stream_both_ways(self) -> None:
        app = self.run_app()
        with Upload(self.server, "/upload/echo") as upload:
            for number in range(20):
                piece = os.urandom(500 + number)
                upload.send(piece)
                if number == 0:
                    self.assertEqual(upload.read_head(), 201)
                    self.assertEqual(upload.headers["x-a"], "b")
                self.assertEqual(upload.read_piece(), piece)
            upload.end()
            self.assertEqual(upload.read_piece(), b"")
        self.assertEqual(app.line("after")["type"], "http.disconnect")
        body = os.urandom(40 * SLOT_BYTES)
        self.assertEqual(put(self.server, body, path="/upload/echo"), (201, body))

    def test_trailers(self) -> None:
        self.run_app()
        with Upload(self.server, "/upload/trailers", 0) as upload:
            self.assertEqual(upload.read_body(), b"body")
            self.assertEqual(upload.headers["x-sum"], "42")

    def test_a_body_that_nobody_reads(self) -> None:
        self.run_app()
        body = os.urandom(40 * SLOT_BYTES)
        with Upload(self.server, "/upload/ignore", len(body)) as upload:
            sending = upload.send_soon(body)
            self.assertEqual(upload.read_body(), b"ignored")
        sending.join()

    def test_a_client_that_goes(self) -> None:
        app = self.run_app()
        with Upload(self.server, "/upload/watch") as upload:
            upload.send(b"x")
            app.line("watching")
        app.line("http.disconnect")
        with Upload(self.server, "/upload/endless", 0) as upload:
            self.assertEqual(upload.read_head(), 200)
        self.assertEqual(app.line("endless")["type"], "http.disconnect")
        self.assertEqual(put(self.server, path="/upload/ignore"), (200, b"ignored"))

    def test_an_application_that_fails(self) -> None:
        self.run_app()
        for name in ("raise", "late", "nothing", "wrong"):
            with self.subTest(name):
                answer = put(self.server, b"x", path=f"/upload/{name}")
                self.assertEqual(answer, (500, b"Internal Server Error"))
        self.assertEqual(put(self.server, path="/upload/twice"), (200, b"once"))
        with Upload(self.server, "/upload/half") as upload:
            self.assertEqual(upload.read_head(), 200)
            self.assertEqual(upload.read_piece(), b"half")
            upload.end()
            with self.assertRaises(ConnectionError):
                upload.read_piece()

    def test_requests_run_side_by_side_up_to_the_capacity(self) -> None:
        app = self.run_app("--capacity", "2")
        uploads = [Upload(self.server, "/upload/wait") for _ in range(3)]
        app.line("waiting", 2)
        for upload in uploads:
            upload.end()
        for upload in uploads:
            self.assertEqual(upload.read_body(), b"done")
            upload.close()
        app.line("waiting", 3)

    def test_sigterm_finishes_what_runs_and_ends_the_lifespan(self) -> None:
        app = self.run_app()
        with Upload(self.server, "/upload/wait") as upload:
            app.line("waiting")
            app.signal(signal.SIGTERM)
            upload.send(b"more")
            upload.end()
            self.assertEqual(upload.read_body(), b"done")
        self.assertEqual(app.wait(), 0)
        events = [line["event"] for line in app.lines]
        self.assertEqual(events, ["lifespan.startup", "waiting", "lifespan.shutdown"])

    def test_sigterm_with_a_deadline_ends_what_sleeps(self) -> None:
        app = self.run_app("--deadline-ms", "50")
        with Upload(self.server, "/upload/sleep", 0):
            app.line("sleeping")
            app.signal(signal.SIGTERM)
            self.assertEqual(app.wait(), 0)
            other = self.run_app()
            other.line("sleeping")
        self.assertEqual(app.count("lifespan.shutdown"), 1)

    def test_an_application_without_lifespan(self) -> None:
        self.run_app(app="asgi_app:without_lifespan")
        self.assertEqual(put(self.server), (200, b"no lifespan"))

    def test_a_factory(self) -> None:
        self.run_app("--factory", app="asgi_app:make")
        self.assertEqual(put(self.server, path="/upload/ignore")[0], 200)

    def test_it_comes_back_after_a_restart(self) -> None:
        self.run_app()
        self.assertEqual(put(self.server, path="/upload/ignore")[0], 200)
        self.server.kill()
        self.server.start()
        self.assertEqual(put(self.server, path="/upload/ignore")[0], 200)


class WrongTest(unittest.TestCase):
    def run_wrong(self, *arguments: str, **environment: str):
        return subprocess.run(
            [sys.executable, "-m", "upload_response.asgi", "--app-dir", str(HERE), *arguments],
            env={**os.environ, "PYTHONPATH": SDK, **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )

    def test_what_is_no_application(self) -> None:
        for name in ("no_such_module", "asgi_app:none", "asgi_app:json.dumps.none", "asgi_app:SDK"):
            result = self.run_wrong(name)
            self.assertEqual(result.returncode, 1)
            self.assertIn("no ASGI application", result.stderr)
            self.assertNotIn("Traceback", result.stderr)

    def test_an_application_that_does_not_start(self) -> None:
        result = self.run_wrong("asgi_app", FAIL_AT="lifespan.startup")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the app's own reason", result.stderr)
        result = self.run_wrong("asgi_app:without_lifespan", "--lifespan", "on")
        self.assertEqual(result.returncode, 1)
        self.assertIn("AssertionError", result.stderr)

    def test_an_option_that_is_wrong(self) -> None:
        result = self.run_wrong("asgi_app", "--capacity", "0")
        self.assertEqual(result.returncode, 1)
        self.assertIn("concurrency", result.stderr)
        self.assertEqual(self.run_wrong("asgi_app", "--capacity", "x").returncode, 2)


if __name__ == "__main__":
    unittest.main()

"""The programs of docs/python-sdk.md."""

import ast
import inspect
import re
import unittest

from support import ROOT, Process, ServerTest, put, until

import upload_response

PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python-sdk.md").read_text(), re.S)


class Program(Process):
    def command(self):
        return ["-c"]


class ManualTest(ServerTest):
    def test_the_first_programs_run_as_they_stand(self) -> None:
        for program in PROGRAMS[:2]:
            name = f"manual-{PROGRAMS.index(program)}"
            worker = Program(
                program,
                PYTHONPATH=str(ROOT / "sdk" / "python"),
                UR_SOCKET=self.server.socket,
                UR_WORKER_NAME=name,
            )
            self.addCleanup(worker.kill)
            until(
                lambda: name in [one["name"] for one in self.server.state()["workers"]],
                "the program to be attached",
            )
            self.assertEqual(put(self.server, b"hello"), (200, b"5 bytes\n"))
            worker.kill()

    def test_the_others_use_what_there_is(self) -> None:
        self.assertGreater(len(PROGRAMS), 6)
        known = set()
        for name in upload_response.__all__:
            known.update(dir(getattr(upload_response, name)))
        for program in PROGRAMS:
            for node in ast.walk(ast.parse(program)):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    if node.value.id in ("exchange", "observation", "worker", "response", "text"):
                        self.assertIn(node.attr, known | {"request"}, program)

    def test_every_option_is_in_its_table(self) -> None:
        text = (ROOT / "docs" / "python-sdk.md").read_text()
        options = text[text.index("## Options") :]
        for name in inspect.signature(upload_response.AsyncWorker).parameters:
            self.assertIn(f"`{name}`", options)


if __name__ == "__main__":
    unittest.main()

"""examples/python as users run them; here without numpy, in apps/ with it."""

import json
import math
import struct
import unittest
from array import array

from support import HERE, ROOT, Process, ServerTest, Upload, put, until

EXAMPLES = ROOT / "examples" / "python"
RATE = 8000


def wav(seconds, code="h", channels=2, extra=b"") -> bytes:
    """Tones of 440 Hz with these amplitudes, a second each."""
    scale = {"h": 32767, "i": 2147483647, "f": 1}[code]
    samples = array(code)
    for amplitude, frames in seconds:
        for frame in range(frames):
            value = amplitude * scale * math.sin(2 * math.pi * 440 * frame / RATE)
            samples.extend([value if code == "f" else round(value)] * channels)
    data = samples.tobytes()
    size = samples.itemsize
    kind = 3 if code == "f" else 1
    fmt = struct.pack("<HHIIHH", kind, channels, RATE, RATE * channels * size, channels * size, size * 8)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + len(data)) + b"WAVE" + chunks + data


class Example(Process):
    """Without site-packages, and so without numpy."""

    options = ["-S"]

    def command(self):
        return self.options


class WavTest(ServerTest):
    process_type = Example

    def setUp(self) -> None:
        example = self.process_type(
            str(EXAMPLES / "wav_levels.py"), self.server.socket, PYTHONPATH=str(HERE.parent)
        )
        self.addCleanup(example.kill)

        def attached() -> bool:
            if example._process.poll() is not None:
                raise AssertionError(example.errors)
            return len(self.server.state()["workers"]) == 2

        until(attached, "the example to be attached")
        self.example = example

    def check(self, lines, seconds) -> None:
        self.assertEqual([line["second"] for line in lines], list(range(len(seconds))))
        for line, (amplitude, _) in zip(lines, seconds):
            self.assertAlmostEqual(line["peak"], amplitude, delta=0.01)
            self.assertAlmostEqual(line["rms"], amplitude / math.sqrt(2), delta=0.01)

    def test_levels_of_a_whole_file(self) -> None:
        seconds = [(0.5, RATE), (0.25, RATE), (1.0, RATE), (0.1, RATE // 2)]
        note = b"LIST" + struct.pack("<I", 3) + b"abc\0"
        for code, channels in (("h", 2), ("i", 1), ("f", 3)):
            with self.subTest(code):
                status, text = put(self.server, wav(seconds, code, channels, note))
                self.assertEqual(status, 200)
                self.check([json.loads(line) for line in text.splitlines()], seconds)

    def test_a_line_comes_with_each_second_of_the_upload(self) -> None:
        seconds = [(0.5, RATE), (0.25, RATE), (0.75, RATE)]
        body = wav(seconds)
        with Upload(self.server, length=len(body)) as upload:
            lines = []
            sent = 0
            for number in range(1, 4):
                # In pieces that end within a frame, and just behind the second.
                while sent < number * RATE * 4 + 45:
                    upload.send(body[sent : sent + 4001])
                    sent += 4001
                upload.read_head()
                lines.append(json.loads(upload.read_piece()))
            self.check(lines, seconds)
            self.assertEqual(upload.read_body(), b"")

    def test_what_is_no_wav_file(self) -> None:
        whole = wav([(0.5, 100)])
        eight_bits = whole[:34] + b"\x08\0" + whole[36:]
        for body in (b"", b"x" * 100, whole[:30], eight_bits, whole.replace(b"fmt ", b"none")):
            with self.subTest(body[:40]):
                status, text = put(self.server, body)
                self.assertEqual(status, 415)
                self.assertTrue(text.endswith(b"\n"))
        self.assertEqual(put(self.server, whole)[0], 200)
        self.until_free()


class ReadmeTest(unittest.TestCase):
    def test_every_example_is_listed(self) -> None:
        readme = (ROOT / "examples" / "README.md").read_text()
        for path in EXAMPLES.glob("*.py"):
            self.assertIn(f"(python/{path.name})", readme)


if __name__ == "__main__":
    unittest.main()

"""Reads a WAV file piece by piece, as it arrives: what wav_levels.py hears of it.

With numpy the samples are looked at where they are, in the shared memory; without it they are copied
into an array of the standard library.
"""

import math
import struct
from array import array

try:
    import numpy
except ImportError:
    numpy = None

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
#: What array and numpy call the samples of each format, and the largest one.
KINDS = {(PCM, 16): ("h", 32768), (PCM, 32): ("i", 2147483648), (FLOAT, 32): ("f", 1)}


class WavError(ValueError):
    """It is no WAV file, or one of another kind."""


class Levels:
    """The peak and the power of one second."""

    def __init__(self):
        self.count, self.peak, self.squares = 0, 0.0, 0.0

    def add(self, samples, scale):
        """Samples of all channels, as an array or a numpy array."""
        self.count += len(samples)
        if numpy is not None:
            values = samples.astype(numpy.float64) / scale
            self.peak = max(self.peak, float(numpy.abs(values).max()))
            self.squares += float(values @ values)
        else:
            self.peak = max(self.peak, max(map(abs, samples)) / scale)
            self.squares += math.fsum((value / scale) ** 2 for value in samples)

    def result(self, second):
        rms = math.sqrt(self.squares / self.count)
        return {"second": second, "peak": round(self.peak, 6), "rms": round(rms, 6)}


class WavReader:
    """Takes the file's bytes in pieces of any size, and gives the levels of each whole second."""

    def __init__(self):
        self.rate = self.channels = 0
        self._head = bytearray()  # until the samples begin
        self._begun = False
        self._rest = b""  # a part of a frame, at the end of a piece
        self._second = 0
        self._levels = Levels()

    def feed(self, piece):
        """Yields the levels of the seconds that end in this piece. WavError."""
        if not self._begun:
            self._head += piece
            at = self._parse_head()
            if at is None:
                return
            self._begun = True
            piece, self._head = memoryview(bytes(self._head))[at:], bytearray()
        if self._rest:
            missing = (-len(self._rest)) % self._frame
            self._rest += bytes(piece[:missing])
            piece = piece[missing:]
            if len(self._rest) < self._frame:
                return
            yield from self._add(memoryview(self._rest))
            self._rest = b""
        whole = len(piece) - len(piece) % self._frame
        self._rest = bytes(piece[whole:])
        yield from self._add(piece[:whole])

    def end(self):
        """The levels of the last second, which is not whole; None if there is none. WavError."""
        if not self._begun:
            raise WavError("the file ends before its samples")
        return self._levels.result(self._second) if self._levels.count else None

    def _add(self, piece):
        """Whole frames."""
        second = self.rate * self._frame
        done = self._levels.count * self._sample
        while len(piece) > 0:
            part = piece[: second - done]
            self._levels.add(self._samples(part), self._scale)
            piece = piece[len(part) :]
            done += len(part)
            if done == second:
                yield self._levels.result(self._second)
                self._second += 1
                self._levels, done = Levels(), 0

    def _samples(self, piece):
        if numpy is not None:
            return numpy.frombuffer(piece, dtype=f"<{self._code}4" if self._sample == 4 else "<i2")
        samples = array(self._code)
        samples.frombytes(piece)
        return samples

    def _parse_head(self):
        """Where the samples begin; None while they do not yet."""
        head = self._head
        if len(head) >= 12 and (head[:4] != b"RIFF" or head[8:12] != b"WAVE"):
            raise WavError("it is no WAV file")
        at = 12
        while len(head) >= at + 8:
            name, size = bytes(head[at : at + 4]), struct.unpack_from("<I", head, at + 4)[0]
            if name == b"data":
                if not self.rate:
                    raise WavError("the samples come before their format")
                return at + 8
            if size > 1 << 20:
                raise WavError("a chunk before the samples is too large")
            if name == b"fmt " and len(head) >= at + 8 + size:
                self._parse_format(bytes(head[at + 8 : at + 8 + size]))
            at += 8 + size + size % 2
        return None

    def _parse_format(self, fields):
        if len(fields) < 16:
            raise WavError("the format is too short")
        kind, self.channels, self.rate, _, _, bits = struct.unpack_from("<HHIIHH", fields)
        if kind == EXTENSIBLE and len(fields) >= 26:
            kind = struct.unpack_from("<H", fields, 24)[0]
        if (kind, bits) not in KINDS:
            raise WavError(f"samples of format {kind} with {bits} bits are not known here")
        if not 1 <= self.channels <= 32 or not 1 <= self.rate <= 768_000:
            raise WavError("the format is not possible")
        self._code, self._scale = KINDS[kind, bits]
        self._sample = bits // 8
        self._frame = self._sample * self.channels

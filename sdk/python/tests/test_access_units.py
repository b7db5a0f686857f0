"""Access units out of real uploads: with threads and with asyncio."""

import asyncio
import struct
import unittest
from typing import List

from async_support import AsyncTest, aside
from support import POOLS, SLOT_BYTES, ServerTest, Upload, until

from upload_response import Observer, Worker, access_units, errors


def record(
    number: int, data: bytes, key: bool = False, pts: int = -1, track: int = 0
) -> bytes:
    head = struct.pack(
        ">BBQqqI", 0x1B, track << 1 | key, number, number * 40, pts, len(data)
    )
    return head + data


SIZES = [0, 1, 29, 30, 31, 500, 3 * SLOT_BYTES]
STREAM = b"".join(record(i, bytes([i]) * size) for i, size in enumerate(SIZES))


def pieces() -> List[bytes]:
    """The stream in pieces that end everywhere."""
    found, at, size = [], 0, 1
    while at < len(STREAM):
        size = size % 37 + 1 if at < 800 else SLOT_BYTES
        found.append(STREAM[at : at + size])
        at += size
    return found


class AccessUnitsTest(ServerTest):
    def setUp(self) -> None:
        self.worker = Worker(socket=self.server.socket)
        self.addCleanup(self.worker.stop)

    def test_says_what_the_record_says(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            upload.send(record(7, b"picture", key=True, pts=80, track=127) + record(8, b"next", track=1))
            units = access_units(exchange)
            unit = next(units)
            self.assertEqual((unit.stream_type, unit.key, unit.id), (0x1B, True, 7))
            self.assertEqual((unit.dts, unit.pts, unit.shared), (280, 80, True))
            self.assertEqual(unit.track, 127)
            self.assertEqual(unit.copy(), b"picture")
            self.assertTrue(unit.data.readonly)
            other = next(units)
            self.assertEqual((other.key, other.track, other.pts), (False, 1, -1))
            self.assertEqual(other.data, b"next")
            with self.assertRaises(ValueError):
                unit.data[0]
            exchange.respond().end()

    def test_units_go_over_the_borders_of_slots(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            found = []
            units = access_units(exchange.request.body)
            for piece in pieces():
                upload.send(piece)
            upload.end()
            for unit in units:
                found.append((unit.id, unit.copy()))
            self.assertEqual(found, [(i, bytes([i]) * size) for i, size in enumerate(SIZES)])
            exchange.respond().end()

    def test_what_is_kept_stays_and_then_frees_its_slot(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            units = access_units(exchange)
            upload.send(record(0, b"first"))
            kept = next(units).retain()
            part = kept.data[1:]
            upload.send(record(1, b"second"))
            next(units)
            self.assertEqual(kept.data, b"first")
            kept.release()
            kept.release()
            self.assertEqual(part, b"irst")
            self.assertEqual(self.pins(), 1)
            part.release()
            until(lambda: self.pins() == 0, "the slot to be given back")
            exchange.respond().end()

    def test_a_cut_unit_is_said_to_be_one(self) -> None:
        for length in (10, 30, 33):
            with Upload(self.server) as upload, self.worker.next() as exchange:
                upload.send(record(0, b"whole") + record(1, b"cut off")[:length])
                upload.end()
                units = access_units(exchange)
                next(units)
                with self.assertRaises(errors.AccessUnitTruncated):
                    next(units)
                exchange.respond().end()

    def test_an_impossible_length_is_refused_before_it_is_believed(self) -> None:
        with Upload(self.server) as upload, self.worker.next() as exchange:
            upload.send(record(0, b"12345") + record(1, b"123456"))
            units = access_units(exchange, max_bytes=5)
            next(units)
            with self.assertRaises(errors.AccessUnitTooLarge):
                next(units)
            exchange.respond().end()

    def test_an_error_that_is_kept_keeps_no_slot(self) -> None:
        with Upload(self.server) as upload:
            kept = []
            upload.send(record(0, b"first"))
            try:
                with self.worker.next() as exchange:
                    for unit in access_units(exchange):
                        kept.append(unit)
                        raise KeyError("of the user")
            except KeyError as error:
                kept.append(error)
            self.assertEqual(len(kept), 2)
            with self.assertRaises(ValueError):
                kept[0].data[0]
            self.until_free()

    def test_a_start_that_cannot_be_is_refused(self) -> None:
        with self.assertRaises(errors.InvalidArgument):
            Worker(socket=self.server.socket, from_="end")
        with self.assertRaises(errors.InvalidArgument):
            Observer(socket=self.server.socket, required="scan", from_="keyframe")

    def pins(self) -> int:
        streams = self.server.state()["streams"]
        return sum(one["pins"].count("2") for one in streams)


class AsyncAccessUnitsTest(AsyncTest):
    config = {"segment": {"pools": POOLS}}

    async def test_the_same_with_asyncio(self) -> None:
        async with self.worker() as worker:
            upload = await aside(Upload, self.server)

            def send() -> None:
                for piece in pieces():
                    upload.send(piece)
                upload.end()

            sending = asyncio.ensure_future(aside(send))
            found = []
            async with await worker.next() as exchange:
                async for unit in access_units(exchange):
                    found.append((unit.id, unit.copy()))
                await exchange.respond().end()
            await sending
            upload.close()
        self.assertEqual(found, [(i, bytes([i]) * size) for i, size in enumerate(SIZES)])
        self.assertEqual(self.failures(), [])
        await self.until_free()


if __name__ == "__main__":
    unittest.main()

"""A reader of requests, written from docs/segment-format.md and docs/hpks.md alone: a monitor that
attaches over the control socket, maps the segment read-only and copies the slots of a request lane.

Usage: minimal_reader.py SOCKET [STREAM_PLACE]
Prints one JSON line when it is attached, one for each slot and one for the whole request.
The numbers of sections stand for those of the page.
"""

import array
import hashlib
import json
import mmap
import os
import socket
import struct
import sys
import time

CONTROL_MAGIC = b"UPRCTRL\x01"
SEGMENT_MAGIC = b"UPRPSEG\x01"
ROLE_MONITOR = 8
HEAD, BODY, END, CONTROL, TRAILERS = 1, 2, 4, 8, 16
STATE_FREE, STATE_OPEN = 0, 2
MASK_48 = (1 << 48) - 1


def up(value, to):
    return (value + to - 1) // to * to


def receive_exactly(connection, size):
    data, descriptors = b"", []
    while len(data) < size:
        part, ancillary, _, _ = connection.recvmsg(size - len(data), socket.CMSG_SPACE(4))
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                received = array.array("i")
                received.frombytes(content[:4])
                descriptors += received
        if not part:
            raise SystemExit("the server closed the connection")
        data += part
    return data, descriptors


def attach(path):
    """Section 2. Returns the connection, which must stay open, and the mapping."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    hello = struct.pack("<8sIIII64s", CONTROL_MAGIC, 1, 1, ROLE_MONITOR, 0, b"minimal-reader")
    connection.sendall(hello.ljust(256, b"\0"))
    welcome, descriptors = receive_exactly(connection, 256)
    magic, status, _, _, size, major, _ = struct.unpack_from("<8siIQQII", welcome)
    if magic != CONTROL_MAGIC or status != 0 or major != 1:
        raise SystemExit(welcome[40:].rstrip(b"\0").decode() or f"status {status}")
    (descriptor,) = descriptors
    if os.fstat(descriptor).st_size != size:
        raise SystemExit("the file has another size than the welcome says")
    mapping = mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ)
    os.close(descriptor)
    return connection, mapping


class Pool:
    """Sections 3 and 4: what the counts of a pool's row are, and what follows from them."""

    def __init__(self, row, first_stream, at):
        counts = struct.unpack_from("<9I", row, 32)
        self.first_stream, self.stream_count, self.slot_size, stated_stride = counts[:4]
        self.request_slots, self.response_slots, stage_slots, stage_count, readers = counts[4:]
        assert self.first_stream == first_stream
        stages = stage_count * stage_slots
        self.lanes = 2 + stage_count
        self.slot_stride = up(self.slot_size, 64 if self.slot_size < 4096 else 4096)
        self.lane_stride = 512 + 128 * readers
        self.lane_offset = at
        self.header_offset = at + self.stream_count * self.lanes * self.lane_stride
        self.header_stride = 64 * (self.request_slots + self.response_slots + stages)
        self.control_end = up(self.header_offset + self.stream_count * self.header_stride, 128)
        self.data_stride = up(self.request_slots * self.slot_stride, 4096)
        stated = struct.unpack_from("<3Q", row, 72)
        assert stated_stride == self.slot_stride
        assert stated == (self.lane_offset, self.header_offset, self.header_stride)


class Segment:
    def __init__(self, mapping):
        self.bytes = memoryview(mapping)
        # Native 32-bit and 64-bit loads: a load of single bytes could be torn.
        self.u32 = self.bytes.cast("I")
        self.u64 = self.bytes.cast("Q")
        self.check()

    def load32(self, offset):
        return self.u32[offset // 4]

    def load64(self, offset):
        return self.u64[offset // 8]

    def check(self):
        """Section 12: every offset is computed, and those that the header states are equal to it."""
        if self.load32(512) != 1:
            raise SystemExit("the segment is not ready")
        assert self.bytes[:8] == SEGMENT_MAGIC and self.load32(8) == 1
        assert self.load64(48) == 0 and self.load32(16) == 0x01020304
        pools, workers, streams = (self.load32(offset) for offset in (76, 80, 84))
        assert 1 <= pools <= 16 and 1 <= workers <= 63 and 1 <= streams <= 65536
        worker_table = up(4096 + 384 * pools, 4096)
        signal_table = up(worker_table + 384 * workers, 128)
        signal_stride = up((streams + 63) // 64 * 8, 128)
        self.stream_table = signal_table + workers * signal_stride
        assert self.load64(144) == self.stream_table
        at = self.stream_table + 1152 * streams
        self.pools, first = [], 0
        for index in range(pools):
            row = bytes(self.bytes[4096 + 384 * index : 4096 + 384 * (index + 1)])
            self.pools.append(Pool(row, first, at))
            first += self.pools[-1].stream_count
            at = self.pools[-1].control_end
        assert first == streams
        at = up(at, 4096)
        assert self.load64(160) == at
        for index, pool in enumerate(self.pools):
            pool.data_offset = at
            assert self.load64(4096 + 384 * index + 96) == at
            at += pool.stream_count * pool.data_stride
        assert self.load64(168) == at

    def state(self, place):
        return self.load64(self.stream_table + 1152 * place)

    def request_lane(self, place):
        for pool in self.pools:
            i = place - pool.first_stream
            if 0 <= i < pool.stream_count:
                lane = pool.lane_offset + i * pool.lanes * pool.lane_stride
                headers = pool.header_offset + i * pool.header_stride
                return pool, lane, headers, pool.data_offset + i * pool.data_stride
        raise SystemExit("there is no such stream")

    def copy(self, place, generation, slot):
        """COPY of section 8. Returns the flag and the bytes, or None where the slot is not there."""
        pool, lane, headers, data = self.request_lane(place)

        def check_stream():
            state = self.state(place)
            if state >> 8 & 0xFFFFFFFF != generation or state & 0xFF == STATE_FREE:
                raise SystemExit("STALE_STREAM")

        check_stream()
        if slot > self.load64(lane + 8) & MASK_48:
            return None
        header = headers + slot % pool.request_slots * 64
        if self.load64(header) != 2 * slot:
            raise SystemExit("LAPPED")
        length, flag = self.load32(header + 8), self.load32(header + 12)
        if length > pool.slot_size:
            raise SystemExit("LAPPED")
        start = data + slot % pool.request_slots * pool.slot_stride
        content = bytes(self.bytes[start : start + length])
        if self.load64(header) != 2 * slot:
            raise SystemExit("LAPPED")
        check_stream()
        return flag, content


class Fields:
    """What docs/hpks.md calls varint and bytes, read one after the other."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self):
        length = self.varint()
        self.at += length
        if self.at > len(self.data):
            raise SystemExit("HPKS_TRUNCATED")
        return self.data[self.at - length : self.at].decode("latin-1")


def decode_head(frame):
    if frame[:6] != b"HPKS\x01\x01" or frame[14] != 1:
        raise SystemExit("not the head of a request")
    fields = Fields(frame, 16)
    method, scheme, authority, path = (fields.text() for _ in range(4))
    headers = [(fields.text(), fields.text()) for _ in range(fields.varint())]
    return {"method": method, "path": path, "scheme": scheme, "headers": headers}


def wait(poll):
    """A monitor has no row, so nobody rings it: it looks again."""
    while True:
        found = poll()
        if found is not None:
            return found
        time.sleep(0.001)


def say(**line):
    print(json.dumps(line), flush=True)


def main(path):
    connection, mapping = attach(path)
    segment = Segment(mapping)
    say(event="attached", size=len(mapping))
    places = range(sum(pool.stream_count for pool in segment.pools))

    def find():
        return next((place for place in places if segment.state(place) & 0xFF == STATE_OPEN), None)

    place = wait(find)
    generation = segment.state(place) >> 8 & 0xFFFFFFFF
    digest, size, slot, head = hashlib.sha256(), 0, 0, None
    while True:
        slot += 1
        flag, content = wait(lambda: segment.copy(place, generation, slot))
        say(event="slot", id=slot, flag=flag, length=len(content))
        if flag == HEAD:
            head = decode_head(content)
        elif flag == BODY:
            digest.update(content)
            size += len(content)
        elif flag == END:
            break
        elif flag not in (CONTROL, TRAILERS):
            raise SystemExit("SEGMENT_CORRUPT")
    say(event="request", stream=generation << 16 | place, head=head, size=size,
        sha256=digest.hexdigest())
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])

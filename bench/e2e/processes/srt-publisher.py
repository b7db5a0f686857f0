"""A live SRT caller that sends stamped access units at a steady rate, in messages of 1316 bytes.

The last 8 bytes of each unit are the CLOCK_MONOTONIC time at which it was sent, in ns. It connects, says so
by a line, and begins when it is given one. Arguments: port, stream id, and a passphrase for AES-128.
"""

import ctypes
import socket
import struct
import sys
import time

SRTO_TRANSTYPE, SRTO_STREAMID, SRTO_PASSPHRASE, SRTO_PBKEYLEN = 50, 46, 26, 27
SRTO_SNDDROPDELAY = 32
AES_128_BYTES = 16
MESSAGE_BYTES = 1316
H264, GROUP = 0x1B, 50

port = int(sys.argv[1])
stream_id = sys.argv[2].encode()
srt = ctypes.CDLL("libsrt-gnutls.so.1.5")
srt.srt_getlasterror_str.restype = ctypes.c_char_p
srt.srt_startup()
caller = srt.srt_create_socket()
srt.srt_setsockflag(caller, SRTO_TRANSTYPE, struct.pack("i", 0), 4)
srt.srt_setsockflag(caller, SRTO_STREAMID, stream_id, len(stream_id))
if len(sys.argv) > 3:
    passphrase = sys.argv[3].encode()
    srt.srt_setsockflag(caller, SRTO_PBKEYLEN, struct.pack("i", AES_128_BYTES), 4)
    srt.srt_setsockflag(caller, SRTO_PASSPHRASE, passphrase, len(passphrase))
# What a server that had no processor has not taken yet is no loss.
srt.srt_setsockflag(caller, SRTO_SNDDROPDELAY, struct.pack("i", -1), 4)
address = struct.pack(
    "=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton("127.0.0.1")
)
if srt.srt_connect(caller, address, len(address)) != 0:
    sys.exit(srt.srt_getlasterror_str().decode())
print("connected", flush=True)
fps, frames, size = (int(word) for word in sys.stdin.readline().split())
start = time.monotonic()
for number in range(frames):
    time.sleep(max(0.0, start + number / fps - time.monotonic()))
    at = number * 1000 // fps
    head = struct.pack(">BBQqqI", H264, number % GROUP == 0, number, at, at, size)
    unit = head + bytes(size - 8) + struct.pack("<Q", time.monotonic_ns())
    for offset in range(0, len(unit), MESSAGE_BYTES):
        message = unit[offset : offset + MESSAGE_BYTES]
        if srt.srt_send(caller, message, len(message)) < 0:
            sys.exit(srt.srt_getlasterror_str().decode())
print("sent", flush=True)
# The receiver keeps what comes for its latency; the end of the connection would drop it.
sys.stdin.readline()
blocks, size_bytes = ctypes.c_size_t(), ctypes.c_size_t()
while srt.srt_getsndbuffer(caller, ctypes.byref(blocks), ctypes.byref(size_bytes)) >= 0:
    if blocks.value == 0:
        break
    time.sleep(0.002)
srt.srt_close(caller)
srt.srt_cleanup()

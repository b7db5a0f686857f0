"""An SRT caller for tests: sends standard input, waits for the answer, prints what happened as JSON.

Its own use of libsrt, through ctypes: the programs that come with libsrt do not wait for answers.
"""

import argparse
import ctypes
import json
import socket
import struct
import sys
import time

SRTO_SNDSYN, SRTO_RCVSYN, SRTO_TRANSTYPE, SRTO_PASSPHRASE = 1, 2, 50, 26
SRTO_STREAMID, SRTO_PBKEYLEN, SRTO_CONNTIMEO = 46, 27, 36
LIVE, FILE = 0, 1

arguments = argparse.ArgumentParser()
arguments.add_argument("port", type=int)
arguments.add_argument("--stream-id", default="")
arguments.add_argument("--file", action="store_true", help="file mode")
arguments.add_argument("--passphrase", default="")
arguments.add_argument("--key-length", type=int, default=0)
arguments.add_argument("--as-it-comes", action="store_true", help="send without waiting for all")
arguments.add_argument("--no-answer", action="store_true", help="leave without an answer")
arguments.add_argument("--acknowledged", action="store_true", help="leave when all of it has come")
options = arguments.parse_args()

srt = ctypes.CDLL("libsrt-gnutls.so.1.5")
srt.srt_getlasterror_str.restype = ctypes.c_char_p
srt.srt_rejectreason_str.restype = ctypes.c_char_p
srt.srt_startup()
srt.srt_setloglevel(2)
caller = srt.srt_create_socket()


def set_option(option: int, value: bytes) -> None:
    if srt.srt_setsockflag(caller, option, value, len(value)) != 0:
        sys.exit(srt.srt_getlasterror_str().decode())


set_option(SRTO_TRANSTYPE, struct.pack("i", FILE if options.file else LIVE))
set_option(SRTO_CONNTIMEO, struct.pack("i", 10_000))
if options.stream_id:
    set_option(SRTO_STREAMID, options.stream_id.encode())
if options.passphrase:
    set_option(SRTO_PASSPHRASE, options.passphrase.encode())
if options.key_length:
    set_option(SRTO_PBKEYLEN, struct.pack("i", options.key_length))
address = struct.pack(
    "=HH4s8x", socket.AF_INET, socket.htons(options.port), socket.inet_aton("127.0.0.1")
)
if srt.srt_connect(caller, address, len(address)) != 0:
    reject = srt.srt_getrejectreason(caller)
    reason = srt.srt_getlasterror_str().decode()
    print(json.dumps({"connected": False, "reject": reject, "reason": reason}))
    sys.exit(0)

sent = 0


def send(data: bytes) -> bool:
    global sent
    end = sent + len(data)
    while sent < end:
        part = data[len(data) - (end - sent) :][: 65536 if options.file else 1316]
        count = srt.srt_send(caller, part, len(part))
        if count <= 0:
            return False
        sent += count
    return True


source = sys.stdin.buffer
if options.as_it_comes:
    while (some := source.read1(65536)) and send(some):
        pass
else:
    send(source.read())
blocks = ctypes.c_size_t(1)
while options.acknowledged and blocks.value > 0:
    if srt.srt_getsndbuffer(caller, ctypes.byref(blocks), None) < 0:
        sys.exit(srt.srt_getlasterror_str().decode())
    time.sleep(0.005)
answer = b""
buffer = ctypes.create_string_buffer(65536)
while not options.no_answer:
    count = srt.srt_recv(caller, buffer, len(buffer))
    if count <= 0:
        break
    answer += buffer.raw[:count]
srt.srt_close(caller)
print(json.dumps({"connected": True, "sent": sent, "answer": answer.decode()}))

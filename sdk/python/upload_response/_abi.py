"""The C ABI as ctypes sees it: upload_response.h says what each call does, and its errors."""

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any, Callable, List, Optional, Tuple

ABI_VERSION = 1

ROLE_RESPONDER = 2
ROLE_OBSERVER = 4
WORKER_VERIFY = 1
WORKER_FROM_KEYFRAME = 2
WORKER_FROM_NEWEST = 4
LANE_REQUEST = 0
LANE_RESPONSE = 1

FULL = -1
EMPTY = -2


class HeaderStruct(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("value", c_char_p),
        ("name_length", c_size_t),
        ("value_length", c_size_t),
    ]


class HeadStruct(Structure):
    _fields_ = [
        ("method", c_char_p),
        ("scheme", c_char_p),
        ("authority", c_char_p),
        ("path", c_char_p),
        ("http_version", c_uint32),
        ("status", c_uint32),
        ("header_count", c_size_t),
        ("headers", POINTER(HeaderStruct)),
    ]


AcceptFunction = CFUNCTYPE(c_int, POINTER(HeadStruct), c_void_p)


class OptionsStruct(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("socket", c_char_p),
        ("name", c_char_p),
        ("role", c_uint32),
        ("capacity", c_uint32),
        ("observer", c_char_p),
        ("flags", c_uint32),
        ("reserved", c_uint32),
        ("transport", c_char_p),
        ("stage", c_char_p),
        ("paths", POINTER(c_char_p)),
        ("path_count", c_size_t),
        ("accept", AcceptFunction),
        ("context", c_void_p),
    ]


class InfoStruct(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("index", c_uint32),
        ("capacity", c_uint32),
        ("in_flight", c_uint32),
        ("connected", c_uint32),
        ("missed", c_uint64),
        ("segment_bytes", c_uint64),
        ("boot_uuid", c_uint8 * 16),
    ]


class SlotStruct(Structure):
    _fields_ = [
        ("id", c_uint64),
        ("data", c_void_p),
        ("length", c_size_t),
        ("timestamp_ns", c_uint64),
    ]


_handle = c_void_p
_out = POINTER(c_void_p)

_prototypes: Tuple[Tuple[str, Any, List[Any]], ...] = (
    ("version", c_char_p, []),
    ("default_socket", c_size_t, [c_char_p, c_size_t]),
    ("error_detail", c_char_p, []),
    ("worker_new", c_int, [POINTER(OptionsStruct), _out]),
    ("worker_attach", c_int, [_handle, c_int]),
    ("worker_detach", None, [_handle]),
    ("worker_free", None, [_handle]),
    ("worker_stop", None, [_handle]),
    ("worker_next", c_int, [_handle, c_int, _out]),
    ("worker_fd", c_int, [_handle]),
    ("worker_rung", c_int, [_handle, POINTER(c_uint64), c_int]),
    ("worker_set_capacity", c_int, [_handle, c_uint32]),
    ("worker_info_get", c_int, [_handle, POINTER(InfoStruct)]),
    ("exchange_id", c_uint64, [_handle]),
    ("exchange_head", POINTER(HeadStruct), [_handle]),
    ("exchange_transport", c_char_p, [_handle]),
    ("exchange_pool", c_char_p, [_handle]),
    ("exchange_request", c_void_p, [_handle]),
    ("exchange_response", c_void_p, [_handle]),
    ("exchange_status", c_int, [_handle]),
    ("exchange_respond", c_int, [_handle, c_int, POINTER(HeaderStruct), c_size_t]),
    ("exchange_accept", c_int, [_handle]),
    ("exchange_veto", c_int, [_handle, c_int, c_char_p]),
    ("exchange_stage", c_int, [_handle, c_char_p]),
    ("exchange_open_reader", c_int, [_handle, c_int, c_int64, _out]),
    ("exchange_open_writer", c_int, [_handle, c_int, _out]),
    ("exchange_close", None, [_handle]),
    ("reader_next", c_int, [_handle, c_int, POINTER(SlotStruct)]),
    ("reader_advance", c_int, [_handle, c_uint64, c_int, POINTER(SlotStruct)]),
    ("reader_ack", c_int, [_handle, c_uint64]),
    ("reader_pin", c_int, [_handle, c_uint64]),
    ("reader_unpin", c_int, [_handle, c_uint64]),
    ("reader_gap", c_uint64, [_handle]),
    ("reader_newest", c_uint64, [_handle]),
    ("reader_trailers", c_size_t, [_handle, POINTER(POINTER(HeaderStruct))]),
    ("reader_close", None, [_handle]),
    ("writer_write", c_int64, [_handle, c_void_p, c_size_t, c_int]),
    ("writer_append", c_int64, [_handle, c_void_p, c_size_t, c_int]),
    ("writer_flush", c_int, [_handle]),
    ("writer_reserve", c_int, [_handle, c_int, _out, POINTER(c_size_t)]),
    ("writer_commit", c_int, [_handle, c_size_t]),
    ("writer_trailers", c_int, [_handle, POINTER(HeaderStruct), c_size_t, c_int]),
    ("writer_end", c_int, [_handle, c_int]),
    ("writer_fail", c_int, [_handle, c_int]),
    ("writer_slot_size", c_size_t, [_handle]),
    ("writer_close", None, [_handle]),
)


class Library:
    """The functions without their prefix ``ur_``. Every call lets other Python threads run."""

    def __init__(self, library: ctypes.CDLL) -> None:
        for name, result, arguments in _prototypes:
            function = getattr(library, f"ur_{name}")
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # For the type checker: __init__ has set all of them.
        raise AttributeError(name)


def default_socket(library: Library) -> str:
    """The path of the control socket that is used where none is given."""
    path = ctypes.create_string_buffer(4096)
    library.default_socket(path, len(path))
    return path.value.decode("utf-8", "surrogateescape")


def detail_of(library: Library) -> str:
    """What this thread's last call has said about its error."""
    text: Optional[bytes] = library.error_detail()
    return text.decode("utf-8", "replace") if text else ""

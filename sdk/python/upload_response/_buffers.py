"""Memory of the segment as memoryviews, and memory of the user as addresses. Nothing is copied.

A view is exported by a small object of its own. As long as anything was made from the view (a slice, a
numpy array, a call that runs in another thread) that object lives, and who has given the view out can
see it: so memory is never given back under somebody who still looks at it.
"""

import ctypes
import weakref
from typing import Any, Dict, Optional, Union

_exporters: Dict[int, Any] = {}


def _exporter_of(length: int) -> Any:
    """A type whose instances export at least ``length`` bytes. Types are never freed: one for each
    power of two is enough."""
    size = 1 << max(length - 1, 0).bit_length()
    kind = _exporters.get(size)
    if kind is None:
        # Of a class of its own, since plain ctypes arrays take no attributes.
        kind = type("SharedMemory", (ctypes.c_ubyte * size,), {})
        _exporters[size] = kind
    return kind


class SharedView:
    """A memoryview on ``length`` bytes at ``address``, and who still uses it."""

    __slots__ = ("view", "_exporter", "_length", "_writable")

    def __init__(self, address: int, length: int, writable: bool = False) -> None:
        exporter = _exporter_of(length).from_address(address)
        self._exporter = weakref.ref(exporter)
        self._length = length
        self._writable = writable
        self.view = self._view_of(exporter)

    def release(self) -> Optional[Any]:
        """Takes the view back: whoever kept it gets a ValueError. Returns the exporter, which lives
        on, if something that was made from the view is in use; None if nothing is."""
        try:
            self.view.release()
        except BufferError:
            pass
        self.view = _nothing
        return self._exporter()

    def try_release(self) -> bool:
        """As ``release``; where something is in use a new view is made, to try again."""
        exporter = self.release()
        if exporter is None:
            return True
        self.view = self._view_of(exporter)
        return False

    def _view_of(self, exporter: Any) -> memoryview:
        view = memoryview(exporter).cast("B")[: self._length]
        return view if self._writable else view.toreadonly()


_nothing = memoryview(b"")


class _PyBuffer(ctypes.Structure):
    """Py_buffer of CPython."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


# Not ctypes.pythonapi: its functions are the whole program's, and whoever else sets their argument types
# would set ours.
_python = ctypes.PyDLL(None)
_get_buffer = _python.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
_get_buffer.restype = ctypes.c_int
_release_buffer = _python.PyBuffer_Release
_release_buffer.argtypes = [ctypes.POINTER(_PyBuffer)]
_release_buffer.restype = None
_CONTIGUOUS = 0  # PyBUF_SIMPLE

#: What can be written: text is sent as UTF-8.
BodyData = Union[bytes, bytearray, memoryview, str, Any]


class Source:
    """Bytes of the user at a fixed address, to be released. TypeError for what has none, BufferError
    for memory that is not contiguous."""

    __slots__ = ("address", "length", "_buffer")

    def __init__(self, data: BodyData) -> None:
        if isinstance(data, str):
            data = data.encode()
        self._buffer: Optional[_PyBuffer] = _PyBuffer()
        _get_buffer(data, self._buffer, _CONTIGUOUS)
        self.address: int = self._buffer.buf or 0
        self.length: int = self._buffer.len

    def release(self) -> None:
        if self._buffer is not None:
            _release_buffer(self._buffer)
            self._buffer = None

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

"""Request heads, and header fields as workers may give them."""

import ctypes
from dataclasses import dataclass
from typing import Any, Iterable, List, Mapping, Optional, Tuple, Union

from . import _abi
from .errors import InvalidArgument

#: A field's name and value; one char per byte (latin-1), as in http.client.
Header = Tuple[str, str]

_Text = Union[str, bytes]
#: Fields as a worker may give them: pairs, or a mapping to texts, numbers, or lists of texts.
HeadersInput = Union[Iterable[Tuple[_Text, _Text]], Mapping[str, Any]]


@dataclass(frozen=True)
class RequestHead:
    """The head of a request, complete before anybody sees it."""

    method: str
    #: Path and query. It may hold a secret (a stream key): keep it out of logs.
    path: str
    scheme: Optional[str]
    #: Host and port; a ``host`` field is not looked at.
    authority: Optional[str]
    #: 1 = HTTP/1.1, 2 = HTTP/2, 3 = HTTP/3.
    version: int
    #: In order, with duplicates, names in the case that they came in.
    headers: Tuple[Header, ...]

    def header(self, name: str) -> Optional[str]:
        """The value of a field, names compared without case; duplicates joined with a comma."""
        wanted = name.lower()
        values = [value for key, value in self.headers if key.lower() == wanted]
        return ", ".join(values) if values else None


def read_fields(pointer: Any, count: int) -> Tuple[Header, ...]:
    """The fields behind a pointer that the library gave."""
    fields = (pointer[index] for index in range(count))
    return tuple(
        ((field.name or b"").decode("latin-1"), (field.value or b"").decode("latin-1"))
        for field in fields
    )


def read_head(head: Any) -> RequestHead:
    """A copy of a ``HeadStruct``."""
    text = [
        (part or b"").decode("latin-1")
        for part in (head.method, head.path, head.scheme, head.authority)
    ]
    return RequestHead(
        method=text[0],
        path=text[1],
        scheme=text[2] or None,
        authority=text[3] or None,
        version=head.http_version,
        headers=read_fields(head.headers, head.header_count),
    )


def _bytes_of(text: Any) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        return str(text).encode("latin-1")
    except UnicodeEncodeError:
        raise InvalidArgument("a header holds a character above U+00FF") from None


def _pairs(given: Optional[HeadersInput]) -> Iterable[Tuple[Any, Any]]:
    if given is None:
        return
    if not isinstance(given, Mapping):
        yield from given
        return
    for name, value in given.items():
        if isinstance(value, (str, bytes, int)):
            yield name, value
        else:
            for one in value:
                yield name, one


def make_fields(given: Optional[HeadersInput]) -> Tuple["ctypes.Array[Any]", int]:
    """The fields as an argument of the library, and how many. InvalidArgument."""
    pairs: List[Tuple[bytes, bytes]] = [(_bytes_of(n), _bytes_of(v)) for n, v in _pairs(given)]
    fields = (_abi.HeaderStruct * len(pairs))()
    for field, (name, value) in zip(fields, pairs):
        field.name, field.value = name, value
        field.name_length, field.value_length = len(name), len(value)
    return fields, len(pairs)

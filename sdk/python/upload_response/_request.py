"""A request: its head is complete, its body may still be arriving."""

from typing import Generic, Optional, Tuple, TypeVar

from ._body import BodyCore
from ._head import Header, RequestHead
from .errors import BodyTooLarge

#: What ``bytes``, ``text`` and ``json`` gather at most, in bytes, unless told otherwise.
DEFAULT_BODY_LIMIT = 16 * 1024 * 1024

B = TypeVar("B", bound=BodyCore)


class RequestCore(Generic[B]):
    """The head, and the body as chunks."""

    def __init__(self, head: RequestHead, body: B) -> None:
        self.head = head
        #: The body's chunks in order; see ``Chunk`` for how long their bytes are valid.
        self.body: B = body

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def path(self) -> str:
        """Path and query. It may hold a secret (a stream key): keep it out of logs."""
        return self.head.path

    @property
    def scheme(self) -> Optional[str]:
        return self.head.scheme

    @property
    def authority(self) -> Optional[str]:
        """Host and port; a ``host`` field is not looked at."""
        return self.head.authority

    @property
    def version(self) -> int:
        """1 = HTTP/1.1, 2 = HTTP/2, 3 = HTTP/3."""
        return self.head.version

    @property
    def headers(self) -> Tuple[Header, ...]:
        """Fields in order, with duplicates; one char per byte (latin-1)."""
        return self.head.headers

    def header(self, name: str) -> Optional[str]:
        """The value of a field, names compared without case; duplicates joined with a comma."""
        return self.head.header(name)

    @property
    def trailers(self) -> Tuple[Header, ...]:
        """Trailer fields; none until the body was read to its end."""
        return self.body.trailers

    def _expect_size(self, size: int, limit: int) -> None:
        if size > limit:
            raise BodyTooLarge(f"more than {limit} bytes")

    def _announced(self) -> int:
        text = self.header("content-length") or ""
        return int(text) if text.isdigit() else 0

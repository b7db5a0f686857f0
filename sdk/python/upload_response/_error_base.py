"""What every error of the SDK has. The classes, one for each error, are generated from the table of
the project: _errors_gen.py."""

from typing import Dict, Optional, Type


class UploadResponseError(Exception):
    """The base of all errors. Catch a subclass, or match ``code``; the text is for people."""

    #: Stable name, see docs/errors.md.
    code: str = ""
    #: Number in the error table; the C ABI returns its negative.
    number: int = 0
    #: HTTP status that a client gets whose response has not begun.
    http_status: int = 500
    #: What happened, as a clause without a full stop.
    text: str = ""
    #: What the person who sees the error can do.
    remedy: str = ""

    def __init__(self, detail: Optional[str] = None) -> None:
        """``detail`` says more about this one case."""
        super().__init__(f"{self.text}: {detail}" if detail else self.text)
        self.detail = detail
        # Python 3.11 and later show it below a traceback.
        add_note = getattr(self, "add_note", None)
        if add_note and self.remedy:
            add_note(self.remedy)

    def __reduce__(self) -> tuple:  # type: ignore[type-arg]
        # Exception's own would give the whole text to __init__ again.
        return type(self), (self.detail,)


BY_NUMBER: Dict[int, Type[UploadResponseError]] = {}

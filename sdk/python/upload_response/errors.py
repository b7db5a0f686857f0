"""Every error of docs/errors.md as a class of its own, below ``UploadResponseError``.

    from upload_response import errors

    try:
        ...
    except errors.ClientGone:
        ...
"""

from ._error_base import BY_NUMBER
from ._error_base import UploadResponseError as UploadResponseError
from ._errors_gen import *  # noqa: F403  (the table's classes)
from ._errors_gen import AbiMismatch


def error_of(result: int, detail: str = "") -> UploadResponseError:
    """The error for a negative result of the C ABI."""
    kind = BY_NUMBER.get(-result)
    if kind is not None:
        return kind(detail or None)
    return AbiMismatch(f"unknown native result {result}")

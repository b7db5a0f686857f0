"""Finds and loads the C ABI's shared library. Looked for in this order:

1. the path in the environment variable ``UR_LIBRARY``,
2. ``lib/`` of this package, where a wheel has it,
3. the npm package or the repository that this folder is a part of,
4. wherever the system's loader finds it.
"""

import ctypes
import os
import platform
import sys
import threading
from pathlib import Path
from typing import Iterator, Optional

from . import _abi
from .errors import AbiMismatch, LibraryUnavailable

ENVIRONMENT = "UR_LIBRARY"

_package = Path(__file__).resolve().parent
_lock = threading.Lock()
_loaded: Optional["_abi.Library"] = None


def _file_name() -> str:
    if sys.platform == "darwin":
        return f"libupload_response.{_abi.ABI_VERSION}.dylib"
    return f"libupload_response.so.{_abi.ABI_VERSION}"


def _npm_platform() -> str:
    """The folder below ``prebuilds`` as npm's tools name it."""
    machine = platform.machine()
    cpu = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64"}.get(machine, machine)
    return f"{sys.platform}-{cpu}"


def candidates() -> Iterator[str]:
    """Where the library may be, best first; only the last one is not a path."""
    given = os.environ.get(ENVIRONMENT)
    if given:
        yield given
        return
    name = _file_name()
    yield str(_package / "lib" / name)
    # sdk/python/upload_response in the npm package and in the repository.
    root = _package.parents[2] if len(_package.parents) > 2 else _package
    yield str(root / "out" / "capi" / "lib" / name)
    yield str(root / "prebuilds" / _npm_platform() / name)
    yield name


def load() -> "_abi.Library":
    """The library, loaded once for the process. LibraryUnavailable, AbiMismatch."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = _load()
        return _loaded


def _load() -> "_abi.Library":
    tried = []
    given = os.environ.get(ENVIRONMENT)
    for path in candidates():
        if path != given and os.path.isabs(path) and not os.path.exists(path):
            continue
        try:
            library = ctypes.CDLL(path)
            version = library.ur_abi_version()
            found = _abi.Library(library) if version == _abi.ABI_VERSION else None
        except (OSError, AttributeError) as error:
            tried.append(str(error))
            continue
        if found is None:
            raise AbiMismatch(f"{path} has version {version}, {_abi.ABI_VERSION} is needed")
        return found
    raise LibraryUnavailable("; ".join(tried) or f"{_file_name()} was not found")

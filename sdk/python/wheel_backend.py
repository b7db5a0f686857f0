"""Builds the wheel, which carries the C library: a PEP 517 backend that needs nothing but Python, and a
program. Usage: wheel_backend.py [FOLDER]

The library is the one of UR_LIBRARY, else of the repository's build, else of the npm package.
"""

import base64
import hashlib
import json
import platform
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Optional

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAME = "upload_response"
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same wheel from the same files

sys.path.insert(0, str(HERE))


class UnsupportedOperation(Exception):
    """What PEP 517 wants to be raised for what a backend cannot do."""


def find_library() -> Path:
    from upload_response import _library

    for candidate in _library.candidates():
        path = Path(candidate)
        if path.is_absolute() and path.exists():
            return path.resolve().parent / path.name
    raise SystemExit("the C library is missing: build it with 'cmake --build --preset capi'")


def tag_of(library: bytes) -> str:
    """py3-none-PLATFORM: the platform is the oldest one that has what the library asks for."""
    machine = platform.machine()
    if sys.platform == "darwin":
        release = platform.mac_ver()[0].split(".")[0]
        return f"py3-none-macosx_{release}_0_{machine}"
    versions = [tuple(map(int, one)) for one in re.findall(rb"GLIBC_(\d+)\.(\d+)", library)]
    if not versions:
        return f"py3-none-linux_{machine}"
    major, minor = max(versions)
    return f"py3-none-manylinux_{major}_{minor}_{machine}"


def metadata(version: str) -> str:
    package = json.loads((ROOT / "package.json").read_text())
    lines = [
        "Metadata-Version: 2.1",
        "Name: upload-response",
        f"Version: {version}",
        "Summary: Workers for upload-response: read uploads in shared memory while they arrive",
        f"License: {package['license']}",
        "Requires-Python: >=3.9",
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Programming Language :: Python :: 3",
        "Classifier: Typing :: Typed",
    ]
    return "\n".join(lines) + "\n"


def files_of(library: Path, version: str, tag: str) -> Dict[str, bytes]:
    """Every file of the wheel but the list of them."""
    package = HERE / NAME
    files = {
        f"{NAME}/{path.name}": path.read_bytes()
        for path in sorted(package.iterdir())
        if path.suffix == ".py" or path.name == "py.typed"
    }
    files[f"{NAME}/lib/{library.name}"] = library.read_bytes()
    info = f"{NAME}-{version}.dist-info"
    files[f"{info}/METADATA"] = metadata(version).encode()
    wheel = f"Wheel-Version: 1.0\nGenerator: upload-response\nRoot-Is-Purelib: false\nTag: {tag}\n"
    files[f"{info}/WHEEL"] = wheel.encode()
    files[f"{info}/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return files


def build_wheel(
    wheel_directory: str,
    config_settings: Optional[Dict[str, Any]] = None,
    metadata_directory: Optional[str] = None,
) -> str:
    """Writes the wheel; returns its name."""
    version = json.loads((ROOT / "package.json").read_text())["version"]
    library = find_library()
    tag = tag_of(library.read_bytes())
    files = files_of(library, version, tag)
    record = f"{NAME}-{version}.dist-info/RECORD"
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    name = f"{NAME}-{version}-{tag}.whl"
    folder = Path(wheel_directory)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if "/lib/" in path else 0o644) << 16
            wheel.writestr(entry, content)
    return name


def build_sdist(sdist_directory: str, config_settings: Optional[Dict[str, Any]] = None) -> str:
    raise UnsupportedOperation("the C library is built in the repository: build a wheel")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "out" / "python").resolve()
    built = target / build_wheel(str(target))
    print(built.relative_to(ROOT) if built.is_relative_to(ROOT) else built)

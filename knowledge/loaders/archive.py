"""Looking into a zip container before anything reads it: bombs, escaping names, links and entities are refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

from knowledge.errors import DocumentRefused

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    SyntaxError,  # lxml's errors of syntax are kinds of it
    OSError,
    EOFError,
    NotImplementedError,
    LookupError,
    ValueError,
    AttributeError,
    TypeError,
)
"""What the readers of office files and books raise on a damaged one."""
_ENTRIES_MAX = 5000
_TOTAL_MAX = 200_000_000  # bytes when unpacked
_RATIO_MAX = 200  # for entries above 1 MB; office files reach about 30
_XML = (".xml", ".rels", ".opf", ".ncx", ".xhtml")


def opened(data: bytes, *, name: str) -> zipfile.ZipFile:
    """Return the container after checking every entry; the entries themselves are never unpacked to disk.

    Raises:
        DocumentRefused: it is no zip file, or not a safe one.
    """
    try:
        container = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DocumentRefused(f"damaged: {error}", document=name) from error
    entries = container.infolist()
    if len(entries) > _ENTRIES_MAX:
        raise DocumentRefused(f"more than {_ENTRIES_MAX} entries", document=name)
    if sum(entry.file_size for entry in entries) > _TOTAL_MAX:
        raise DocumentRefused(f"larger than {_TOTAL_MAX // 1_000_000} MB when unpacked", document=name)
    for entry in entries:
        _check(container, entry, name)
    return container


def _check(container: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> None:
    path = entry.filename.replace("\\", "/")
    if path.startswith("/") or ":" in path.split("/")[0] or ".." in path.split("/"):
        raise DocumentRefused("an entry's name leads out of the file", document=name)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DocumentRefused("an entry is a symbolic link", document=name)
    if entry.flag_bits & 0x1:
        raise DocumentRefused("it is encrypted", document=name)
    if entry.file_size > 1_000_000 and entry.file_size > _RATIO_MAX * max(1, entry.compress_size):
        raise DocumentRefused("an entry unpacks to far more than its size (a zip bomb?)", document=name)
    if path.lower().endswith(_XML):
        _check_entities(container, entry, name)


def _check_entities(container: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> None:
    """Refuse declared entities: they read local files, call addresses and grow without bound."""
    try:
        data = container.read(entry)
    except DAMAGED as error:
        raise DocumentRefused(f"damaged: {error}", document=name) from error
    for encoding in ("ascii", "utf-16-le", "utf-16-be"):
        if "<!ENTITY".encode(encoding) in data:
            raise DocumentRefused("it declares XML entities", document=name)

"""Style, scripts and fonts: held in memory, compressed once, under an address that changes when they do."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from avctl.errors import NotFound

FOLDER = Path(__file__).parent / "static"
COMPRESSED = ("text/", "application/json", "image/svg")
FOREVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
MARK = re.compile(r"[0-9a-f]{12}")


class Static:
    """Serves the files of ``dashboards/static``, which do not change while the program runs.

    All stand under one mark made of all their contents: a script and what it imports are of one version.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        # Only what was there at the start can be asked for, each file by its one name.
        self._paths = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
        self._files = cache(self._read)
        whole = hashlib.sha256()
        for name, path in self._paths.items():
            whole.update(name.encode() + path.read_bytes())
        self._mark = whole.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"/static/{self._mark}/{name}"

    def answer(self, address: str, request: Request) -> Response:
        """The file, compressed when the browser understands; NotFound when there is none."""
        mark, _slash, name = address.partition("/")
        if not MARK.fullmatch(mark):
            name = address
        whole, small, tag, kind = self._files(name)
        headers = {
            "ETag": f'"{tag}"',
            "Cache-Control": FOREVER if mark == self._mark else A_WHILE,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if small is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(small, media_type=kind, headers=headers)
        return Response(whole, media_type=kind, headers=headers)

    def _read(self, name: str) -> tuple[bytes, bytes | None, str, str]:
        path = self._paths.get(name)
        if path is None:
            raise NotFound(f"there is no file {name!r}")
        whole = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        small = gzip.compress(whole, 9, mtime=0) if kind.startswith(COMPRESSED) else None
        return whole, small, hashlib.sha256(whole).hexdigest()[:12], kind

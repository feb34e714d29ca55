"""Style, scripts and fonts: held in memory, compressed once, named by their content so that they keep."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from avctl.errors import NotFound

FOLDER = Path(__file__).parent / "static"
COMPRESSED = ("text/", "application/json", "image/svg")
FOREVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
A_WEEK = "public, max-age=604800"  # fonts, which the style names without their mark


class Static:
    """Serves the files of ``dashboards/static``, which do not change while the program runs."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder.resolve()
        self._files = cache(self._read)

    def url(self, name: str) -> str:
        """The address of a file, different whenever its content is."""
        return f"/static/{name}?v={self._files(name)[2]}"

    def answer(self, name: str, request: Request) -> Response:
        """The file, compressed when the browser understands; NotFound when there is none."""
        whole, small, mark, kind = self._files(name)
        keep = A_WEEK if kind.startswith("font/") else A_WHILE
        headers = {
            "ETag": f'"{mark}"',
            "Cache-Control": FOREVER if request.query_params.get("v") == mark else keep,
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
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file() or path.name.startswith("."):
            raise NotFound(f"there is no file {name!r}")
        whole = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        small = gzip.compress(whole, 9, mtime=0) if kind.startswith(COMPRESSED) else None
        return whole, small, hashlib.sha256(whole).hexdigest()[:12], kind

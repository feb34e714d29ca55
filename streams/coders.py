"""What encodes pictures to H.264: x264, or a chip of the machine through its driver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Chip = Literal["x264", "vaapi", "nvenc", "qsv"]


@dataclass(frozen=True, kw_only=True)
class Coder:
    """Options of an output beside rates and key frames; filters before it, for memory of the chip's own; and
    how ffmpeg is told the device, for everything (``device``) or for an output (``place``)."""

    options: Mapping[str, Any]
    filters: tuple[tuple[str, ...], ...] = ()
    device: str = ""
    place: str = ""
    usual: str = ""  # the device when none is named

    def wide(self, device: str) -> tuple[str, ...]:
        """Arguments that hold for everything."""
        named = device or self.usual
        return (f"-{self.device}", named) if self.device and named else ()

    def output(self, device: str) -> dict[str, Any]:
        """Arguments of one output."""
        return {**self.options, **({self.place: device} if self.place and device else {})}


# Key frames that are asked for must be IDR pictures, and no others may come: segments are cut there.
CODERS: Mapping[Chip, Coder] = {
    "x264": Coder(options={"c:v": "libx264", "pix_fmt": "yuv420p", "sc_threshold": 0}),
    "vaapi": Coder(
        options={"c:v": "h264_vaapi"},
        filters=(("format", "nv12"), ("hwupload",)),
        device="vaapi_device",
        usual="/dev/dri/renderD128",
    ),
    "nvenc": Coder(
        options={
            "c:v": "h264_nvenc",
            "pix_fmt": "yuv420p",
            "preset": "p4",
            "rc": "vbr",
            "forced-idr": 1,
            "no-scenecut": 1,
        },
        place="gpu",
    ),
    "qsv": Coder(
        options={"c:v": "h264_qsv", "pix_fmt": "nv12", "preset": "veryfast", "forced_idr": 1},
        device="qsv_device",
    ),
}

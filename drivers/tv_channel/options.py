"""What a TV channel can be told in the configuration."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _address(text: str) -> str:
    if text:
        try:
            ipaddress.IPv4Address(text)
        except ValueError:
            raise ValueError("an address such as 192.0.2.7") from None
    return text


Address = Annotated[str, AfterValidator(_address)]


class Options(BaseModel):
    """How a channel comes, and after which times something is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["udp", "rtp", "hls"] = Field(
        "udp", description="How it comes: packets in datagrams (udp, rtp), or playlists over HTTP (hls)."
    )
    interface: Address = Field("0.0.0.0", description="Our address on the network whose group is joined.")
    source: Address = Field("", description="The only sender that is listened to (232.0.0.0/8); empty: any.")
    path: str = Field("/index.m3u8", pattern="^/", description="Path of the playlist (hls).")
    tls: bool = Field(False, description="Fetch it over TLS, with a certificate that is checked (hls).")
    playlist_seconds: float = Field(
        0, ge=0, le=60, description="Seconds between two looks at the playlist; 0: by its target (hls)."
    )
    answer_seconds: float = Field(5, gt=0, le=30, description="Silence after which a request failed (hls).")
    programme: int = Field(0, ge=0, le=65535, description="Number of the programme; 0: the first one.")
    poll: float = Field(1, gt=0, le=10, description="Seconds between two reports.")
    gone_seconds: float = Field(2, gt=0, le=60, description="Seconds without anything: no signal.")
    alarm_seconds: float = Field(
        3, gt=0, le=60, description="Seconds that errors go on until a fault is told."
    )
    clear_seconds: float = Field(10, ge=0, le=600, description="Seconds without errors until it is over.")
    pictures: bool = Field(True, description="Look at the picture and listen to the sound (ffmpeg).")
    every_picture: bool = Field(False, description="Decode all pictures, not key frames alone; costs more.")
    black_seconds: float = Field(5, ge=0.5, le=600, description="Seconds without light: black.")
    freeze_seconds: float = Field(10, ge=0.5, le=600, description="Seconds without movement: frozen.")
    silence_seconds: float = Field(10, ge=0.5, le=600, description="Seconds without sound: silent.")

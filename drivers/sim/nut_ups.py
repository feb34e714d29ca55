"""An upsd that is not there, with one UPS under the name that its device's options say.

Knobs beyond the acts: ``values`` (variables), ``stale`` (the server has lost the UPS), ``said`` (last
lines).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from avctl.config import Device
from avctl.errors import ProtocolError
from drivers.nut_ups import NutUps, UpsOptions, quoted, words
from drivers.polled import Codec, Lines
from drivers.sim.frames import FramedSimulator
from drivers.sim.server import Peer, act

COMMANDS = {"beeper.enable": "Enable the UPS beeper", "beeper.disable": "Disable the UPS beeper"}


class NutUpsSimulator(FramedSimulator[str]):
    """The server and its UPS."""

    title = "UPS"
    port = NutUps.port

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.options = UpsOptions.model_validate(device.options)
        self.values = {
            "ups.status": "OL CHRG",
            "battery.charge": "100",
            "battery.runtime": "1800",
            "ups.load": "35",
            "input.voltage": "231.5",
            "ups.temperature": "28.0",
            "ups.mfr": "APC",
            "ups.model": 'Smart-UPS "3000"',
        }
        self.stale = False
        self.said: deque[str] = deque(maxlen=100)
        self._users: WeakKeyDictionary[Peer, list[str]] = WeakKeyDictionary()

    def codec(self) -> Codec[str]:
        return Lines(b"\n")

    async def heard(self, peer: Peer, frame: str) -> None:
        self.said.append(frame.split(" ")[0])
        try:
            answer = self._obey(peer, words(frame))
        except ProtocolError:
            answer = "ERR INVALID-ARGUMENT"
        await self.reply(peer, f"{answer}\n".encode())
        if frame == "LOGOUT":
            peer.writer.close()

    @act
    def cut_mains(self, on: bool = True) -> None:
        """Cut the mains, or bring them back."""
        self.values["ups.status"] = "OB DISCHRG" if on else "OL CHRG"
        self.values["input.voltage"] = "0.0" if on else "231.5"

    @act
    def drain(self, percent: int, seconds: int) -> None:
        """Let the battery have so much left; below 20 % it says that it is low."""
        self.values |= {"battery.charge": str(percent), "battery.runtime": str(seconds)}
        status = [word for word in self.values["ups.status"].split() if word != "LB"]
        self.values["ups.status"] = " ".join((*status, *(["LB"] if percent < 20 else [])))

    @act
    def lose_ups(self, on: bool = True) -> None:
        """Pull the cable between the server and the UPS."""
        self.stale = on

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "stale": self.stale, **self.values}

    def _obey(self, peer: Peer, line: list[str]) -> str:
        name = self.options.ups
        match line:
            case ["VER"]:
                return "Network UPS Tools upsd 2.8.0 - https://www.networkupstools.org/"
            case ["NETVER"]:
                return "1.3"
            case ["LOGOUT"]:
                return "OK Goodbye"
            case ["USERNAME", user]:
                if peer in self._users:
                    return "ERR ALREADY-SET-USERNAME"
                self._users[peer] = [user]
                return "OK"
            case ["PASSWORD", password]:
                right = [self.options.user, self.options.password.get_secret_value()]
                if [*self._users.get(peer, []), password] != right:
                    return "ERR ACCESS-DENIED"
                self._users[peer] = right
                return "OK"
            case ["LIST", "UPS"]:
                return f'BEGIN LIST UPS\nUPS {name} "Hall"\nEND LIST UPS'
            case ["LIST", "VAR", ups] | ["GET", "VAR", ups, _] if ups != name:
                return "ERR UNKNOWN-UPS"
            case ["LIST", "VAR", _] | ["GET", "VAR", _, _] if self.stale:
                return "ERR DATA-STALE"
            case ["LIST", "VAR", _]:
                rows = [f"VAR {name} {key} {quoted(value)}" for key, value in self.values.items()]
                return "\n".join((f"BEGIN LIST VAR {name}", *rows, f"END LIST VAR {name}"))
            case ["GET", "VAR", _, key] if key in self.values:
                return f"VAR {name} {key} {quoted(self.values[key])}"
            case ["GET", "VAR", _, _]:
                return "ERR VAR-NOT-SUPPORTED"
            case ["LIST", "CMD", ups] | ["GET", "CMDDESC", ups, _] | ["INSTCMD", ups, *_] if ups != name:
                return "ERR UNKNOWN-UPS"
            case ["LIST", "CMD", _]:
                rows = [f"CMD {name} {command}" for command in COMMANDS]
                return "\n".join((f"BEGIN LIST CMD {name}", *rows, f"END LIST CMD {name}"))
            case ["GET", "CMDDESC", _, command] if command in COMMANDS:
                return f"CMDDESC {name} {command} {quoted(COMMANDS[command])}"
            case ["INSTCMD", _, command]:
                return self._command(peer, command)
            case ["STARTTLS"]:
                return "ERR FEATURE-NOT-CONFIGURED"
            case ["USERNAME" | "PASSWORD" | "INSTCMD" | "GET" | "LIST", *_]:
                return "ERR INVALID-ARGUMENT"
        return "ERR UNKNOWN-COMMAND"

    def _command(self, peer: Peer, command: str) -> str:
        """A command of who has logged in."""
        right = [self.options.user, self.options.password.get_secret_value()]
        if (said := self._users.get(peer, [])) != right:
            return f"ERR {'USERNAME-REQUIRED' if not said else 'PASSWORD-REQUIRED'}"
        if command not in COMMANDS:
            return "ERR CMD-NOT-SUPPORTED"
        if self.stale:
            return "ERR DATA-STALE"
        self.values["ups.beeper.status"] = "disabled" if command == "beeper.disable" else "enabled"
        return "OK"


SIMULATOR = NutUpsSimulator

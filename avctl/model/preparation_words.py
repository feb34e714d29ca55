"""What a preparation says of its lines: message ids, which pages translate and others read as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _(message: str) -> str:
    """Marks a message for the catalogues."""
    return message


def filled(text: str, values: Mapping[str, Any]) -> str:
    """A text with its values; one that lacks a value stays readable."""
    try:
        return text % values if values or "%%" in text else text
    except (KeyError, TypeError, ValueError):
        return text


WHAT: Mapping[str, str] = {
    "step": _("%(device)s: %(verb)s %(told)s"),
    "armed": _("The broadcast is armed"),
    "answers": _("%(device)s answers"),
    "moves": _("%(device)s moves and returns"),
    "seats": _("%(device)s: every seat reports"),
    "meters": _("%(device)s: its meters move"),
    "signal": _("%(device)s: its picture arrives"),
    "picture": _("A test slate arrives in the public form"),
    "sound": _("A test tone arrives in the public form"),
    "recording": _("A recording grows"),
    "disk": _("Room on the disk for twice the length"),
    "clock": _("The clock is in step"),
    "push": _("%(device)s accepts our key"),
    "mains": _("There are mains for its whole time"),
}
EXPECTED: Mapping[str, str] = {
    "step": _("done, and read back"),
    "armed": _("the runner is up, nothing is public"),
    "answers": _("an answer within %(seconds)s s"),
    "moves": _("it moves, and is where it was"),
    "seats": _("%(seats)s seats, none with a fault"),
    "meters": _("at least one meter moves"),
    "signal": _("a picture"),
    "picture": _("the slate, at most %(percent)s %% apart"),
    "sound": _("%(level)s dBFS at %(hertz)s Hz, within %(off)s dB"),
    "recording": _("it grows on every disk"),
    "disk": _("%(gigabytes)s GB free"),
    "clock": _("at most %(seconds)s s apart"),
    "push": _("it takes the connection and the key"),
    "mains": _("no blackout is announced"),
}
ADVICE: Mapping[str, str] = {
    "step": _("See at the device why it refuses, set it by hand, and run this line again."),
    "armed": _("See the reason; room on the disk, ffmpeg and the feeds are the usual ones."),
    "answers": _("Look at its power and its network cable, then at its address in the configuration."),
    "moves": _("Look whether it is switched on and free to move; recall its shot by hand."),
    "seats": _("Look at the units named: cable, battery, charging place."),
    "meters": _("Speak into a microphone and run this line again; then look at mutes and at the stage box."),
    "signal": _("Look whether the encoder sends, and to the address in the configuration."),
    "picture": _(
        "Look at the log of the controller: ffmpeg, templates and room on the disk are the usual causes."
    ),
    "sound": _("Look at the log of the controller; nothing of the hall is concerned."),
    "recording": _("Look at the disks: mounted, writable, not full."),
    "disk": _("Make room: move finished recordings away, or shorten the list viewers can go back in."),
    "clock": _("Look at the time service of this machine (chrony, systemd-timesyncd) and its server."),
    "mains": _("See that batteries or a generator carry the room, or agree on another time."),
    "push": _("Fetch the key anew from the platform and put it in the environment."),
}

DONE = _("done in %(seconds)s s")
READ_BACK = _("done before the controller was started again, and read back")
ANSWERED = _("answered in %(milliseconds)s ms")
NOT_ASKED = _("online; this driver cannot be asked at once")
REASON = _("%(reason)s")
MOVED = _("moved by %(steps)s and returned")
NOT_MOVED = _("it did not move")
NOT_BACK = _("it moved and did not return: %(reason)s")
UNSEEN_MOVE = _("it took the commands; it does not say where it is")
STANDBY = _("it is in standby")
SEATS = _("%(count)s seats report")
SEATS_MISSING = _("%(count)s report; missing: %(missing)s")
SEATS_FAULTY = _("%(count)s report; with a fault: %(faulty)s")
SEATS_LOW = _("%(count)s report; battery low: %(low)s")
NO_SEATS = _("it reports no seats")
METERS = _("the meters of %(count)s channels move")
STILL = _("no meter has moved within %(seconds)s s")
UNMEASURED = _("it has sent no levels within %(seconds)s s")
SIGNAL = _("signal")
PICTURE = _("%(percent)s %% apart from the slate, in %(name)s")
PLAIN = _("the picture is plain, in %(name)s")
SOUND = _("%(level)s dBFS at %(hertz)s Hz, in %(name)s")
GROWN = _("%(kilobytes)s kB in %(seconds)s s")
NOT_GROWN = _("nothing was written in %(folder)s")
FREE = _("%(gigabytes)s GB free in %(folder)s")
APART = _("%(seconds)s s apart from %(server)s")
KERNEL = _("in step, says the system: at most %(seconds)s s apart")
KERNEL_OUT = _("the system says that its clock is not kept in step")
ACCEPTED = _("accepted in %(seconds)s s")
ANNOUNCED = _("a blackout is announced: %(hours)s")
NOT_ANNOUNCED = _("no blackout is announced any more")
LEFT_OUT = _("not tried: “%(line)s” did not go well")
OCCUPIED = _("not while “%(title)s” is open in this room")
CANCELLED = _("cancelled by %(name)s")
BROKEN_OFF = _("broken off when the controller was started again; run this line again")

"""What devices and the parts of a broadcast say of their faults, for the pages, in the visitor's language.

They say it once, in English, to the log, the journal and the API. The pages know these sentences, and those
of ``dashboards.refusals``: what stands in place of {0}, {1} may itself be one of them, and what stands in
place of a name is one of the words for it. A sentence that is not here is shown as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache

from dashboards.refusals import BROAD, EXPECTED, REFUSALS, WORDS
from dashboards.words import _

FAULTS = (
    _("cannot connect to {0}: {1}"),
    _("cannot connect: {0}"),
    _("cannot reach {0}: {1}"),
    _("cannot open {0}: {1}"),
    _("cannot send: {0}"),
    _("cannot receive: {0}"),
    _("cannot secure the connection: {0}"),
    _("{0}: it does not show the certificate that is pinned"),
    _("no connection"),
    _("no answer"),
    _("no answer within {0} s"),
    _("no answer to {0} within {1} s"),
    _("there is no connection"),
    _("the connection was lost"),
    _("the device closed the connection"),
    _("the device closed the connection: {0}"),
    _("the device is not listening: {0}"),
    _("the device is not connected"),
    _("the camera does not answer"),
    _("the camera is not connected"),
    _("the mixer does not answer {0}"),
    _("the mixer is not connected"),
    _("{0} is offline"),
    _("{0} is connecting"),
    _("{0} did not {1} within {2} s"),
    _("{0} does not answer within {1} s"),
    _("it refuses the password"),
    _("it refuses the log-in"),
    _("it wants a password and none is configured"),
    _("OBS refuses the password"),
    _("it answers HTTP {0}"),
    _("the service answers HTTP {0}"),
    _("timed out"),
    _("Connection refused"),
    _("All connection attempts failed"),
    _("offline"),
    _("Connect call failed {0}"),
    _("No route to host"),
    _("Network is unreachable"),
    _("Name or service not known"),
    _("Connection reset by peer"),
    _("Connection timed out"),
    _("Broken pipe"),
    _("No space left on device"),
    _("not connected yet"),
    _("no picture comes"),
    _("the source ended"),
    _("nothing to send yet"),
    _("the platform does not take what it is sent"),
    _("waits for a broadcast"),
    _("The public playlist does not advance"),
    _("the playlist does not advance"),
    _("The recording does not grow"),
    _("The closed part is heard: {0}"),
    _("It is to send and nothing leaves it"),
    _("The machine is too slow: quality reduced to {0}"),
    _("The chip does not encode, the processor does: {0}"),
    _("An encoder ended and another goes on: {0} so far"),
    _("{0} s from source to playlist"),
    _("{0} LUFS, wanted are {1}"),
    _("{0}: {1} % free"),
    _("the page cannot be loaded: {0}"),
    _("cannot be loaded: {0}"),
    _("the page crashed, or ran out of memory"),
    _("the page hangs: it does not answer the browser"),
    _("the page does not come: its server is silent"),
    _("the page was not loaded again"),
    _("the page asks: {0}"),
    _("the browser is not connected"),
    _("the browser lets go: {0}"),
    _("the browser answers HTTP {0}: {1}"),
    _("its broker cannot be reached"),
    _("its agent has left"),
    _("its agent does not say anything"),
    _("the agent lives, the browser does not"),
    _("the CMS refuses the application"),
    _("the CMS answers HTTP {0}"),
    _("the player is not in touch with the CMS"),
    _("its content is still being downloaded"),
    _("its content is out of date"),
    _("the power supply is too weak"),
    _("a call was not spoken: {0}"),
    _("this machine has no Ukrainian voice"),
    _("the encoder stood still"),
    _("the encoder takes no pictures"),
    _("the encoder did not end"),
    _("the encoder ended"),
    _("the runner ended and is started again: {0}"),
    _("the runner is gone"),
    _("the runner has said nothing for {0} s"),
    _("the runner did not close and was ended by force: {0}"),
    _("the recording: {0}"),
    _("the session ended before the vote did"),
    _("the vote was cancelled at the central unit"),
    _("the central unit tells no result of the vote"),
    _("another vote runs on the server"),
    _("the server does not know the vote any more"),
    _("the server tells no result of the vote"),
    _("the vote was cancelled at the access point"),
    _("the access point tells no result of the vote"),
    _("the server cancelled the vote, or does not know it any more"),
    _("the unit does not know the vote any more"),
    _("the unit says that the vote stopped, and counts nothing: nobody voted, or it goes on"),
    _("the link was lost while the vote was open, and the system has no number that would tell it again"),
    _("avctl was restarted while the vote was open, and the system has no number that would tell it again"),
    _("the result cannot be read: {0}"),
    _("the access point answered {0}"),
    _("On battery, and it is low, as announced"),
    _("On battery, as announced"),
    _("On battery, and it is low"),
    _("On battery"),
    _("Air-raid alarm, level red"),
    _("Air-raid alarm, level yellow"),
    _("the service refuses the token"),
    _("the service cannot be heard"),
    _("the service does not say of when its data is ({0})"),
    _("asked too often; again in {0} s"),
    _("there is no region {0}"),
    _("the service's data is of {0} UTC"),
    _("not the service's JSON: {0}"),
    _("not JSON: {0}"),
    _("not within {0} s"),
    _("Refused to display {0} in a frame because it set {1}"),
    _("Framing {0} violates the following {1}"),
    _("Failed to load resource: {0}"),
)
"""The more particular first: of several that fit, the first is taken."""

_GAP = re.compile(r"\{(\w+)\}")
_BEGINNINGS = sorted(EXPECTED, key=len, reverse=True)
_PARTS = (": ", "; ")


def _ends(sentence: str) -> tuple[str, str, str]:
    """A sentence with how it begins and ends: few fit so far, and only those are looked at closely."""
    said = _GAP.split(sentence)
    return sentence, said[0], said[-1]


_KNOWN = tuple(map(_ends, (*REFUSALS, *FAULTS)))
_BROAD = tuple(map(_ends, BROAD))


@cache
def _fits(sentence: str) -> re.Pattern[str]:
    """What a sentence is known by: each of its gaps is a group."""

    def gap(name: str) -> str:
        words = "|".join(map(re.escape, WORDS[name])) if name in WORDS else ""
        return f"(?P<{name}>{words})" if words else f"(?P<_{name}>.+?)"

    said = _GAP.split(sentence)
    return re.compile(
        "".join(gap(one) if at % 2 else re.escape(one) for at, one in enumerate(said)), re.DOTALL
    )


def telling(say: Callable[[str], str]) -> Callable[[str], str]:
    """What translates a sentence with whatever is said in it; ``say`` translates a message."""

    def filled(text: str, known: Iterable[tuple[str, str, str]]) -> str:
        """The first of these sentences that fits, with what is said in it; empty when none does."""
        for sentence, begins, ends in known:
            may = text.startswith(begins) and text.endswith(ends)
            if may and (found := _fits(sentence).fullmatch(text)):
                gaps = found.groupdict()
                values = [told(value) for name, value in gaps.items() if name not in WORDS]
                words = {name: say(WORDS[name][word]) for name, word in gaps.items() if name in WORDS}
                return say(sentence).format(*values, **words)
        return ""

    @lru_cache(maxsize=2048)
    def told(text: str) -> str:
        if (said := say(text)) != text:
            return said
        if said := filled(text, _KNOWN):
            return said
        for beginning in _BEGINNINGS:
            if text.startswith(beginning):
                return say(beginning) + text[len(beginning) :]
        for between in _PARTS:  # a device and what it says, or several faults
            if between in text:
                return between.join(map(told, text.split(between, 1)))
        return filled(text, _BROAD) or text

    return told

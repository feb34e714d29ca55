"""The simulated OBS: the protocol's own example of a log-in, and our driver on it."""

from __future__ import annotations

from typing import Any

import pytest

from avctl.errors import Rejected
from streams.obs import Obs
from streams.sim.obs import SIMULATOR, authentication

# obs-websocket's protocol.md, "Creating an authentication string": the values of its example.
SALT = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI="
CHALLENGE = "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
PROOF = "1Ct943GAT+6YQUUX47Ia/ncufilbe6+oD6lY+5kaCu4="


def test_the_log_in_of_the_protocols_example() -> None:
    assert authentication("supersecretpassword", SALT, CHALLENGE) == PROOF


async def test_the_driver_shows_streams_and_is_refused(device: Any, witness: Any, served: Any) -> None:
    options = {
        "password": "right-secret",
        "scenes": {"hall": "Hall", "break": "Break"},
        "lower_third": "Speaker",
    }
    async with SIMULATOR(device("streams.obs", **options)) as obs:
        async with served(Obs, obs) as driver:
            await witness.report(scene="Hall", live=False, version="29.0.2")
            await driver.show("slate:break")
            await witness.report(showing="slate:break")
            await driver.show_lower_third("Олена Марчук")
            await witness.report(lower_third="Олена Марчук")
            await driver.go_live()
            await witness.report(live=True)
            await driver.end()
            await witness.report(live=False)
            await obs.choose("Hall")
            await witness.report(scene="Hall")
            obs.refuse()
            with pytest.raises(Rejected):
                await driver.go_live()
        async with served(Obs, obs, online=False, password="wrong"):
            assert "password" in (await witness.link("refused")).reason

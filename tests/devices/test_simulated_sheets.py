"""Simulators answer what the sheets of their makes say, also what our own drivers never ask."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from drivers.sim.anthias import SIMULATOR as ANTHIAS
from drivers.sim.apc_pdu import SIMULATOR as APC
from drivers.sim.netio import SIMULATOR as NETIO
from drivers.sim.nut_ups import SIMULATOR as NUT
from drivers.sim.qlogic import SIMULATOR as QLOGIC
from drivers.sim.qmatic_orchestra import SIMULATOR as QMATIC
from drivers.sim.xibo import SIMULATOR as XIBO

XIBO_LOGIN = {"client_id": "avctl", "client_secret": "right-secret", "display": 7, "tls": False}
ORGANISATION = "28c94bad-f024-4289-a986-f9d79c9d8102"


class Client(httpx.AsyncClient):
    """Plain requests, each with the status that is expected."""

    def __init__(self, simulator: Any, **options: Any) -> None:
        super().__init__(trust_env=False, base_url=f"http://127.0.0.1:{simulator.bound}", **options)

    async def expect(self, status: int, line: str, **options: Any) -> httpx.Response:
        """The answer to ``GET /path``, whose status is this."""
        method, _, path = line.partition(" ")
        self.cookies.clear()  # Orchestra refuses a POST that brings its own cookie back
        answer = await self.request(method, path, **options)
        assert answer.status_code == status, (line, answer.text)
        return answer


async def test_xibos_cms(device) -> None:
    async with XIBO(device("xibo", **XIBO_LOGIN)) as cms, Client(cms) as client:
        form = {"client_id": "avctl", "client_secret": "right-secret"}
        form["grant_type"] = "client_credentials"
        token = (await client.expect(200, "POST /api/authorize/access_token", data=form)).json()
        await client.expect(401, "GET /api/clock")
        client.headers["Authorization"] = f"Bearer {token['access_token']}"
        for path in ("clock", "about", "schedule", "display/status/7", "display/faults/7"):
            await client.expect(200, f"GET /api/{path}")
        for found, query in ((1, "macAddress=00:16:32:aa:bb:cc"), (0, "loggedIn=0"), (0, "display=X")):
            answer = await client.expect(200, f"GET /api/display?{query}")
            assert answer.headers["X-Total-Count"] == str(found)
        await client.expect(404, "GET /api/display/status/99")
        await client.expect(204, "PUT /api/display/authorise/7")
        assert (await client.expect(200, "GET /api/display")).json()[0]["licensed"] == 0
        acts = "POST /api/displaygroup/40/action/"
        campaign = (await client.expect(200, "GET /api/layout")).json()[1]["campaignId"]
        await client.expect(204, f"{acts}changeLayout", data={"campaignId": campaign})
        async with asyncio.timeout(10):
            while cms.current != 12:
                await asyncio.sleep(0.01)
        await client.expect(204, f"{acts}overlayLayout", data={"layoutId": 13, "duration": 10})
        for act in ("command", "triggerWebhook", "clearStatsAndLogs", "revertToSchedule"):
            await client.expect(204, acts + act)
        await client.expect(422, f"{acts}changeLayout", data={"layoutId": 99})
        await client.expect(404, f"{acts}dance")
        async with asyncio.timeout(10):
            while cms.current != 11:
                await asyncio.sleep(0.01)


async def test_anthias_player(device) -> None:
    async with ANTHIAS(device("anthias")) as player, Client(player) as client:
        first, second = player.current, player.add("http://b/")
        api = "/api/v2"
        await client.expect(204, f"POST {api}/assets/order", json={"ids": [second, first]})
        assert [player.assets[one]["play_order"] for one in (second, first)] == [0, 1]
        assert (await client.expect(200, f"GET {api}/assets/control/previous")).json() == "Asset switched"
        assert player.current == second
        await client.expect(200, f"PUT {api}/assets/{second}", json={**player.assets[second], "name": "b"})
        assert player.assets[second]["name"] == "b"
        assert (await client.expect(200, f"GET {api}/assets/{second}/content")).json()["url"] == "http://b/"
        await client.expect(200, f"POST {api}/assets/{second}/recheck")
        await client.expect(200, f"PATCH {api}/device_settings", json={"player_name": "lobby"})
        assert (await client.expect(200, f"GET {api}/device_settings")).json()["player_name"] == "lobby"
        await client.expect(200, f"POST {api}/file_asset", content=b"x")
        player.fill()
        await client.expect(507, f"POST {api}/file_asset", content=b"x")
        await client.expect(200, f"POST {api}/display/off")
        assert (await client.expect(200, f"GET {api}/info")).json()["display_power"] == "off"
        await client.expect(400, f"POST {api}/display/dim")
        await client.expect(201, f"POST {api}/backup")
        for act in ("recover", "reboot", "shutdown"):
            await client.expect(200, f"POST {api}/{act}")
        assert player.done == ["backup", "recover", "reboot", "shutdown"]


async def test_orchestras_branch(device) -> None:
    made = device("qmatic_orchestra", user="avctl", password="right-secret")
    async with QMATIC(made) as branch, Client(branch, auth=("avctl", "right-secret")) as client:
        here = "/rest/servicepoint/branches/1"
        visit = branch.hall.take(1)
        body = {"fromBranchId": 1, "fromId": 1, "visitId": visit.id}
        await client.expect(204, "PUT /rest/entrypoint/branches/1/queues/2/visits/", json=body)
        waiting = (await client.expect(200, f"GET {here}/queues/2/visits")).json()
        assert [one["ticketId"] for one in waiting] == [visit.number]
        missing = {**body, "visitId": 7}
        await client.expect(404, "PUT /rest/entrypoint/branches/1/queues/2/visits/", json=missing)
        await client.expect(200, f"PUT {here}/servicePoints/3/users/avctl/")
        await client.expect(200, f"POST {here}/servicePoints/3/visits/next/")
        status = (await client.expect(200, "GET /rest/servicepoint/user/status")).json()
        assert (status["userState"], status["visit"]["ticketId"]) == ("CALLED", visit.number)
        assert (await client.expect(200, "GET /rest/servicepoint/user")).json() == {"userName": "avctl"}
        told = (await client.expect(200, f"GET {here}/visits/{visit.id}/events")).json()
        assert [one["eventName"] for one in told] == ["VISIT_CREATE", "VISIT_TRANSFER_TO_QUEUE", "VISIT_CALL"]
        body = {"services": ["1"]}
        await client.expect(200, f"POST {here}/servicePoints/3/visits/createAndEnd", json=body)
        await client.expect(404, f"POST {here}/servicePoints/77/visits/next/")
        stranger = httpx.BasicAuth("avctl", "wrong")
        await client.expect(401, f"POST {here}/servicePoints/3/visits/next/", auth=stranger)


async def test_qlogics_booking_service_and_netios_address(device) -> None:
    async with QLOGIC(device("qlogic", organisation=ORGANISATION)) as queue, Client(queue) as client:
        service = "/QueueService.svc"
        query = {"organisationGuid": ORGANISATION}
        told = await client.expect(200, f"GET {service}/json_pre_reg/getServiceCenterList", params=query)
        assert told.json()["d"][0]["ServiceCenterName"] == "ЦНАП Шевченківського району"
        for name in ("getGroupsByCenterId", "getServicesByCenterId"):
            rows = (await client.expect(200, f"GET {service}/json_wellcome_point/{name}")).json()["d"]
            assert all(one["IsActive"] and one["Description"] for one in rows)
        days = {"serviceId": 1, "dateStart": "11-27-2026", "dateEnd": "11-28-2026"}
        told = await client.expect(200, f"GET {service}/json_pre_reg/GetDayIntervalListEx", params=days)
        friday, saturday = told.json()["d"]
        assert friday["DatePart"] == "/Date(1795737600000+0200)/"
        assert [one["StartTime"] for one in friday["Times"]] == ["PT9H0M", "PT9H30M"]
        assert saturday["IsAllow"] is False
    login = {"user": "r", "password": "read", "writer": "w", "writer_password": "write"}
    async with NETIO(device("netio", **login)) as sockets, Client(sockets) as client:
        await client.expect(200, "GET /netio.cgi?pass=write&output1=0&output2=4")
        assert [sockets.on[1], sockets.on[2]] == [False, False]
        await client.expect(401, "GET /netio.cgi?pass=read&output1=1")
        wrong = {"Outputs": [{"ID": 1, "Action": 13}]}
        await client.expect(400, "POST /netio.json", json=wrong, auth=("w", "write"))


async def test_nuts_commands(device) -> None:
    async with NUT(device("nut_ups", user="avctl", password="right-secret")) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.bound)
        for line, answer in (
            ("INSTCMD ups beeper.disable", "ERR USERNAME-REQUIRED"),
            ("USERNAME avctl", "OK"),
            ("INSTCMD ups beeper.disable", "ERR PASSWORD-REQUIRED"),
            ("PASSWORD right-secret", "OK"),
            ("INSTCMD ups beeper.disable", "OK"),
            ("INSTCMD ups explode", "ERR CMD-NOT-SUPPORTED"),
            ("INSTCMD hall beeper.enable", "ERR UNKNOWN-UPS"),
            ("GET CMDDESC ups beeper.enable", 'CMDDESC ups beeper.enable "Enable the UPS beeper"'),
            ("LIST CMD ups", "BEGIN LIST CMD ups"),
            ("STARTTLS", "CMD ups beeper.enable"),
            ("GET", "CMD ups beeper.disable"),
            ("VER", "END LIST CMD ups"),
        ):
            writer.write(f"{line}\n".encode())
            assert (await reader.readline()).decode().rstrip("\n") == answer, line
        assert await reader.readline() == b"ERR FEATURE-NOT-CONFIGURED\n"
        assert await reader.readline() == b"ERR INVALID-ARGUMENT\n"
        writer.close()


@pytest.mark.parametrize(("family", "later", "cancel"), [("rpdu", 5, 7), ("rpdu2", 6, 8)])
async def test_a_power_strips_delays(device, family: str, later: int, cancel: int) -> None:
    async with APC(device("apc_pdu", family=family, outlets=2)) as strip:
        strip.delay_seconds = 0.05
        for outlet, commands in ((1, (later,)), (2, (later, cancel))):
            for command in commands:
                tools = ("snmpset", "-v2c", "-c", "private", "-Oqv", f"127.0.0.1:{strip.bound}")
                where = f".{strip.family.command}.{outlet}"
                process = await asyncio.create_subprocess_exec(
                    *tools, where, "i", str(command), stdout=asyncio.subprocess.PIPE
                )
                assert (await process.communicate())[0] == f"{command}\n".encode()
        async with asyncio.timeout(10):
            while strip.state()["on"] != {"1": False, "2": True}:
                await asyncio.sleep(0.01)

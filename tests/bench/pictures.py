"""Takes the pictures of the README: the demo's council in the browser of the tests. ``make pictures``."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page, async_playwright

from bench.council import Council, council, first_segment

FOLDER = Path(__file__).resolve().parents[1] / "web" / "pictures"
SETTLED = 12.0  # seconds of a sitting, so that somebody speaks and the meters move


async def log_in(page: Page, here: Council) -> None:
    """As the technician of the demo."""
    account = next(one for one in here.facts["accounts"] if one["role"] == "technician")
    await page.goto("/login")
    await page.fill("input[name=name]", account["name"])
    await page.fill("input[name=password]", account["password"])
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url("**/control*")


async def take(page: Page, name: str) -> None:
    """One picture, as small as it can be and still be read."""
    await asyncio.sleep(SETTLED)
    await page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=80)


async def main() -> None:
    """A viewer's pages, then the control room's."""
    FOLDER.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    with tempfile.TemporaryDirectory(prefix="avctl-pictures-") as folder:
        async with council(Path(folder)) as here, async_playwright() as playwright:
            await first_segment(here)
            browser = await playwright.chromium.launch(
                executable_path="/usr/bin/chromium",
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            visitor = await browser.new_page(
                base_url=here.facts["url"], viewport={"width": 1100, "height": 760}
            )
            await visitor.goto("/")
            await take(visitor, "public")
            await visitor.goto(f"/watch/{here.session}")
            await take(visitor, "watch")
            technician = await browser.new_page(
                base_url=here.facts["url"], viewport={"width": 1440, "height": 900}, color_scheme="dark"
            )
            await log_in(technician, here)
            await technician.goto("/control")
            await take(technician, "control")
            await technician.goto("/control/plenary")
            await take(technician, "room")
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())

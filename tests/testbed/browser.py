"""A real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.testbed.patience import PATIENCE

CHROMIUM = "/usr/bin/chromium"
WIDE, NARROW = (1280, 900), (360, 740)


@dataclass
class Seen:
    """A page in the browser, and what it tried beside showing itself."""

    page: Any
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing but one page was asked for, and nothing was complained about."""
        return len(self.requests) == 1 and not self.messages and not self.dialogs

    def violations(self) -> list[str]:
        """Return what axe finds: contrast, names, roles, the order of headings."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{v['id']}: {[n['html'][:200] for n in v['nodes'][:3]]}" for v in found]


@contextmanager
def browser() -> Iterator[Any]:
    """Yield Chromium; root has no sandbox there."""
    from playwright.sync_api import expect, sync_playwright

    # Waiting is by `expect`: `wait_for_function` evaluates its text within the page, which the
    # policy of our pages forbids from the second look on.
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=1000 * PATIENCE
        )
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(
    chromium: Any, url: str, *, scheme: str = "light", size: tuple[int, int] = WIDE
) -> Iterator[Seen]:
    """Yield a page as a reader has it who prefers light or dark, on a screen of a size."""
    context = chromium.new_context(
        color_scheme=scheme, viewport={"width": size[0], "height": size[1]}
    )
    context.set_default_timeout(1000 * PATIENCE)
    try:
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("console", lambda message: seen.messages.append(message.text))
        seen.page.on("pageerror", lambda error: seen.messages.append(str(error)))
        seen.page.on(
            "dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss())
        )
        seen.page.goto(url)
        yield seen
    finally:
        context.close()

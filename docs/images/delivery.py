"""Draw the delivery page of a sandbox in a browser. Run by `make pictures` where there is Chromium.

It needs the `browser` group of pyproject.toml, which tests/node/setup installs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from recording import run, sandbox

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.testbed.browser import NARROW, WIDE, browser, opened

PICTURES = Path(__file__).parent / "pages"


def main() -> None:
    """Draw it in light and dark, on a wide and a narrow screen."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "delivery.html")
        with sandbox() as environment:
            file.write_text(run("report", "-o", "html", env=environment))
        with browser() as chromium:
            for scheme in ("light", "dark"):
                for name, size in (("wide", WIDE), ("narrow", NARROW)):
                    with opened(chromium, file.as_uri(), scheme=scheme, size=size) as seen:
                        seen.page.screenshot(path=PICTURES / f"delivery-{scheme}-{name}.png")


if __name__ == "__main__":
    main()

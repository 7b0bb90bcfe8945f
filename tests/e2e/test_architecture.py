"""docs/architecture.md shows the house as the contract has it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSE = runpy.run_path(str(ROOT / "docs" / "images" / "house.py"))


def test_the_picture_is_the_contracts() -> None:
    assert HOUSE["PICTURE"].read_text() == HOUSE["picture"](), "run `make pictures`"


def test_every_path_that_the_page_names_is_there() -> None:
    pages = [ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"]
    named = {
        name
        for page in pages
        for name in re.findall(
            r"`((?:cli|operations|render|domain|state|cluster|git|web)/[\w/.]+)`", page.read_text()
        )
        if "/x" not in name
    }
    assert named, "the pages name modules"
    missing = [name for name in sorted(named) if not (ROOT / "gitops_cli" / name).exists()]
    assert not missing

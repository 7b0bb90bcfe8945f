"""The pages show the house as it is: the picture, the files they name, the links between them."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = runpy.run_path(str(ROOT / "docs" / "images" / "house.py"))


def test_the_picture_is_the_contracts() -> None:
    assert HOUSE["PICTURE"].read_text() == HOUSE["picture"](), "run `make pictures`"


PAGES = sorted({*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")} - {ROOT / "CHANGELOG.md"})
_CLASS = re.compile(r"^class ([A-Z]\w*)\b", re.MULTILINE)
ROOMS = {path.name for path in (ROOT / "gitops_cli").iterdir() if path.is_dir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`((?:gitops_cli/|tests/)?[a-z_]+/[\w/]+\.py)`", page.read_text()))
    linked = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    ours = {name for name in named if not name.endswith(("/x.py", "_x.py"))}
    places = {name: _place(name) for name in ours if _place(name) is not None}

    assert not [name for name, place in places.items() if place and not place.exists()]
    assert not [link for link in linked if not (page.parent / link).exists()]


def test_a_class_name_means_one_thing() -> None:
    """Kubernetes' words are read as `schema.Pod`; a port and its adapter are one thing."""
    places: dict[str, set[str]] = {}
    for path in (ROOT / "gitops_cli").rglob("*.py"):
        of_the_api = path.parent.name == "schema"
        found = set() if of_the_api else set(_CLASS.findall(path.read_text(encoding="utf-8")))
        for name in found:
            places.setdefault(name, set()).add(str(path.relative_to(ROOT / "gitops_cli")))
    twice = {name: sorted(rooms) for name, rooms in places.items() if len(rooms) > 1}
    ports = {name: rooms for name, rooms in twice.items() if "operations/ports.py" in rooms}
    adapters = [rooms for rooms in ports.values() if len(rooms) == 2]

    assert len(adapters) == len(ports)
    assert not {name: rooms for name, rooms in twice.items() if name not in ports}


def _place(name: str) -> Path | None:
    """Return where a page's short word for one of our files leads; None: it is not ours."""
    first = name.partition("/")[0]
    if first in {"gitops_cli", "tests"}:
        return ROOT / name
    return ROOT / "gitops_cli" / name if first in ROOMS else None

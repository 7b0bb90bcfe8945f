"""Draw house.svg from the contract in pyproject.toml: which room may know which.

Run by `make pictures`; tests/e2e/test_architecture.py holds the picture against the contract.
"""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gitops_cli"
PICTURE = Path(__file__).with_name("house.svg")

WIDTH, ROW, GAP, MARGIN = 960, 74, 14, 20


def layers() -> list[list[str]]:
    """Return the rooms of each layer, from the top down."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [contract] = [one for one in contracts if one["name"] == "Layers"]
    return [[room.strip("() ") for room in line.split("|")] for line in contract["layers"]]


def purpose(room: str) -> str:
    """Return the first sentence of a room's docstring."""
    for file in (PACKAGE / room / "__init__.py", PACKAGE / f"{room}.py"):
        if file.exists():
            text = ast.get_docstring(ast.parse(file.read_text())) or ""
            return text.partition("\n")[0].partition(": ")[0].rstrip(".")
    raise FileNotFoundError(room)


def rooms_within(room: str) -> str:
    """Return the names of the folders of a room."""
    folder = PACKAGE / room
    found = sorted(p.parent.name for p in folder.glob("*/__init__.py")) if folder.is_dir() else []
    return " · ".join(found)


def picture() -> str:
    """Return the picture: a row for each layer, arrows point down only."""
    rows = layers()
    height = 2 * MARGIN + len(rows) * (ROW + GAP) - GAP
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'font-family="system-ui, sans-serif">'
        ),
        "<title>The rooms of gitops_cli; each may import from those below it</title>",
        (
            "<style>rect{fill:#f6f8fa;stroke:#8c959f}text{fill:#1f2328}.why{fill:#57606a}"
            "@media(prefers-color-scheme:dark){rect{fill:#161b22;stroke:#484f58}text{fill:#e6edf3}"
            ".why{fill:#9198a1}}</style>"
        ),
    ]
    for number, rooms in enumerate(rows):
        top = MARGIN + number * (ROW + GAP)
        room_width = (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) / len(rooms)
        for column, room in enumerate(rooms):
            left = MARGIN + column * (room_width + GAP)
            parts += _box(room, left, top, room_width)
    return "\n".join([*parts, "</svg>", ""])


def _box(room: str, left: float, top: float, width: float) -> list[str]:
    middle = left + width / 2
    lines = [line for line in (*_wrapped(purpose(room), width), rooms_within(room)) if line][:3]
    return [
        f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{ROW}" rx="6"/>',
        (
            f'<text x="{middle:.0f}" y="{top + 20}" text-anchor="middle" font-weight="600" '
            f'font-size="14">{escape(room)}</text>'
        ),
        *(
            f'<text class="why" x="{middle:.0f}" y="{top + 36 + 13 * number}" '
            f'text-anchor="middle" font-size="11">{escape(line)}</text>'
            for number, line in enumerate(lines)
        ),
    ]


def _wrapped(text: str, width: float) -> list[str]:
    most = int(width / 5.6)  # characters of 11 pixels
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


if __name__ == "__main__":
    PICTURE.write_text(picture())

"""Write README.md, the index of the schemas, from their descriptions. Run by `make pictures`."""

from __future__ import annotations

import json
from pathlib import Path

PAGE = Path(__file__).with_name("README.md")


def index() -> str:
    """Return the page: a row for each kind of document."""
    rows = [
        "# Schemas",
        "",
        "[What you can rely on](../json.md).",
        "",
        "| kind | is the result of |",
        "|---|---|",
    ]
    for path in sorted(PAGE.parent.glob("*.json")):
        described = json.loads(path.read_text())["description"]
        rows.append(f"| [`{path.stem}`]({path.name}) | {described} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    PAGE.write_text(index())

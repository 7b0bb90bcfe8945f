"""State repositories of a size, built once by `git fast-import` and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

STAGES = ("development", "staging", "production")
SERVICES = ("authentication", "billing", "catalog", "delivery", "email")
HASHES = tuple(hashlib.sha1(str(i).encode(), usedforsecurity=False).hexdigest() for i in range(64))
_BEGIN = 1_600_000_000
_IDENTITY = "Bench <bench@example.com>"


def git(*argv: str | Path, directory: Path | None = None) -> str:
    """Run git and return its output."""
    done = subprocess.run(["git", *argv], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def small_repository(work: Path) -> Path:
    """Return a clone, with a bare remote beside it, of two projects in three stages."""
    remote, clone = work / "small.git", work / "small"
    if not clone.exists():
        git("init", "-q", "--bare", "-b", "main", remote)
        stream = _stream(1, [f"project{p}-{s}" for p in (1, 2) for s in STAGES], SERVICES)
        _import(remote, stream)
        _clone(remote, clone)
    return clone


def state_repository(bare: Path, environments: Sequence[str], services: Sequence[str]) -> None:
    """Make a bare repository of one commit in which all environments share one images_path."""
    git("init", "-q", "--bare", "-b", "main", bare)
    _import(bare, _stream(1, environments, services, images_path="r.example.com/project/"))


def big_repository(commits: int = 100_000) -> Path:
    """Return a bare repository of 6 environments × 10 services, one file changed per commit.

    `project2-production/old.deployment` has not changed since the first commits.
    """
    environments = [f"project{p}-{s}" for p in (1, 2) for s in STAGES]
    services = (*SERVICES, "frontend", "gateway", "history", "images", "old")
    return _cached(f"big-{commits}", lambda: _stream(commits, environments, services))


def wide_repository(commits: int = 20_000) -> Path:
    """Return a bare repository of 300 environments × 10 services: 3,000 version files."""
    environments = [f"project{p}-{s}" for p in range(100) for s in STAGES]
    services = (*SERVICES, "frontend", "gateway", "history", "images", "old")
    return _cached(f"wide-{commits}", lambda: _stream(commits, environments, services))


def delivered_repository(commits: int = 10_000) -> Path:
    """Return a bare repository of 100 environments × 10 services: so many changes in 83 days."""
    environments = [f"project{p}-{s}" for p in range(34) for s in STAGES][:100]
    services = (*SERVICES, "frontend", "gateway", "history", "images", "old")
    begin = int(time.time()) // 86400 * 86400 - 84 * 86400
    name = f"delivered-{commits}-{begin // 86400}"
    return _cached(name, lambda: _stream(commits, environments, services, begin=begin, step=720))


def clone_of(bare: Path, work: Path) -> Path:
    """Return a fresh bare copy's clone, so that the cached one stays as it is."""
    remote, clone = work / f"{bare.stem}-remote.git", work / bare.stem
    if not clone.exists():
        shutil.copytree(bare, remote)
        _clone(remote, clone)
    return clone


def _clone(remote: Path, clone: Path) -> None:
    git("clone", "-q", remote, clone)
    git("config", "user.name", "Bench", directory=clone)
    git("config", "user.email", "bench@example.com", directory=clone)


def _cached(name: str, stream: Callable[[], Iterator[bytes]]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "gitops-cli", "bench")
    bare = cache / f"{name}.git"
    if not bare.exists():
        fresh = cache / f"{name}.{os.getpid()}.git"
        git("init", "-q", "--bare", "-b", "main", fresh)
        _import(fresh, stream())
        git("repack", "-adq", directory=fresh)
        fresh.rename(bare)
    return bare


def _import(bare: Path, stream: Iterator[bytes]) -> None:
    process = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=bare, stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin as pipe:
        for part in stream:
            pipe.write(part)
    if process.wait():
        raise RuntimeError(f"git fast-import failed in {bare}")


def _stream(
    commits: int,
    environments: Sequence[str],
    services: Sequence[str],
    images_path: str = "",
    *,
    begin: int = _BEGIN,
    step: int = 300,
) -> Iterator[bytes]:
    """Yield a fast-import stream; the first commit holds everything, `step` seconds between."""
    yield _commit(begin, "state")
    for environment in environments:
        of_project = f"registry.example.com/{environment.rsplit('-', 1)[0]}/"
        yield _file(f"{environment}/images_path", images_path or of_project)
        for service in services:
            yield _file(f"{environment}/{service}.deployment", HASHES[0])
    paths = [f"{e}/{s}.deployment" for e in environments for s in services]
    changing = [path for path in paths if path != f"{environments[-1]}/old.deployment"]
    for number in range(1, commits):
        path = changing[number * 7919 % len(changing)]
        hexdigest = hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()
        yield _commit(begin + number * step, f"{path}: {hexdigest[:7]}")
        yield _file(path, hexdigest)


def _commit(at: int, subject: str) -> bytes:
    when = f"{at} +0000"
    message = subject.encode()
    head = f"commit refs/heads/main\nauthor {_IDENTITY} {when}\ncommitter {_IDENTITY} {when}\n"
    return head.encode() + b"data %d\n%s\n" % (len(message), message)


def _file(path: str, content: str) -> bytes:
    data = f"{content}\n".encode()
    return f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"

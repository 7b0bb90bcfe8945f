"""A stock Debian image, as no image can be fetched here: made by debootstrap, kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.testbed.engine import ContainerEngine

SUITE = "bookworm"


def debian_archive(packages: Sequence[str] = ()) -> Path:
    """Return a tar file of a minimal Debian with these packages; needs root and debootstrap."""
    assert shutil.which("debootstrap"), "debootstrap is not installed: apt-get install debootstrap"
    name = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "gitops-cli-tests")
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / f"debian-{SUITE}-{name}.tar"
    with archive.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _make(archive, packages)
    return archive


def debian_image(engine: ContainerEngine, image: str, packages: Sequence[str] = ()) -> None:
    """Give the engine that Debian as an image."""
    engine("import", debian_archive(packages), image)


def _make(archive: Path, packages: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="gitops-debian-") as directory:
        root, tar = Path(directory, "root"), archive.with_suffix(".new")
        command = ["debootstrap", "--variant=minbase"]
        if packages:
            command.append(f"--include={','.join(packages)}")
        _run(*command, SUITE, str(root), *_mirror())
        for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / unneeded)
            (root / unneeded / "partial").mkdir(parents=True)
        _run("tar", "-C", str(root), "-cf", str(tar), ".")
        tar.rename(archive)


def _mirror() -> list[str]:
    """Return the mirror that this machine's own apt uses; none: debootstrap's default."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    sites = [line.split()[1] for line in listed.splitlines() if line.startswith(f"{SUITE} ")]
    return sites[:1]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{(done.stdout + done.stderr)[-3000:]}"

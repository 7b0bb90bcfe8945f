"""The agent of the emulated cluster: what its pod would run is run by the sandbox's server.

Whatever `gitops agent install` makes counts: each namespace with the CronJob gets its round, at
once when the state repository has something new and each minute besides.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from gitops_cli.sandbox.emulator.resources import CRONJOBS
from gitops_cli.sandbox.emulator.store import EmulatedObjects
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.repositories import sandbox_git

AGENT = "gitops-agent"  # the CronJob's name
_IMAGE = "registry.example.com/gitops-cli:sandbox"
_REPOSITORY = "https://git.example.com/environments-state.git"  # as the cluster would reach it
_LOOKS = 0.25  # seconds between looks at the repository
_EVERY = 60.0
_LONGEST = 120.0


def manifests(place: SandboxPlace, environments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Begin to write the manifests of agents that follow environments; `written` has them."""
    words = ("agent", "manifests", *environments, "--agent-repo", _REPOSITORY, "--image", _IMAGE)
    return subprocess.Popen(
        [sys.executable, "-m", "gitops_cli", *words, "-R", str(place.remote), "-o", "json"],
        env=place.own_environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


def written(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """Return the objects, when they are written; raises RuntimeError."""
    out, _ = process.communicate(timeout=_LONGEST)
    if process.returncode != 0:
        raise RuntimeError(f"gitops agent manifests ended with {process.returncode}")
    items: list[dict[str, Any]] = json.loads(out)["items"]
    return items


def follow(store: EmulatedObjects, place: SandboxPlace, stopping: threading.Event) -> None:
    """Let the agents do their rounds until told to stop."""
    seen: tuple[str | None, tuple[str, ...]] | None = None
    last = 0.0
    while not stopping.wait(_LOOKS):
        now = (_tip(place), _followed(store))
        if now[1] and (now != seen or time.monotonic() - last >= _EVERY):
            seen, last = now, time.monotonic()
            _round(place, now[1], stopping)


def _tip(place: SandboxPlace) -> str | None:
    with suppress(OSError):  # packed, or somebody writes it just now
        return (place.remote / "refs" / "heads" / "main").read_text().strip()
    return sandbox_git(place.remote).run("rev-parse", "main").text or None


def _followed(store: EmulatedObjects) -> tuple[str, ...]:
    jobs = [job for job in store.select(CRONJOBS) if job["metadata"]["name"] == AGENT]
    return tuple(job["metadata"]["namespace"] for job in jobs if not job["spec"].get("suspend"))


def _round(place: SandboxPlace, environments: Sequence[str], stopping: threading.Event) -> None:
    named = [word for name in environments for word in ("-e", name)]
    words = ("agent", "run", *named, "-R", str(place.remote), "--kubeconfig", str(place.kubeconfig))
    with subprocess.Popen(
        [sys.executable, "-m", "gitops_cli", *words],
        env=place.agents_environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # what it has to say it writes into its ConfigMap
        stderr=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None:
            if stopping.wait(0.05):
                process.kill()

"""The process behind `gitops sandbox up`: python -m gitops_cli.sandbox DIRECTORY [OWNER]."""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
import time
from pathlib import Path

from gitops_cli.sandbox.agent import follow
from gitops_cli.sandbox.emulator.controllers import Controllers
from gitops_cli.sandbox.emulator.pods import Node
from gitops_cli.sandbox.emulator.server import EmulatedServer, listen
from gitops_cli.sandbox.emulator.store import EmulatedObjects
from gitops_cli.sandbox.images import PullableImages
from gitops_cli.sandbox.place import SandboxPlace
from gitops_cli.sandbox.seed import seed
from gitops_cli.sandbox.timeline import CLUSTER


def serve(place: SandboxPlace, owner: int | None) -> None:
    """Serve the sandbox's cluster until told to stop, or until the record of it is removed.

    If there is an owner and it ends without a word, nobody else will clean up: it is done here.
    """
    store = EmulatedObjects()
    controllers = Controllers(store, Node(store, PullableImages(place).pull_problem))
    seed(controllers, place)
    about = {"directory": str(place.directory), "pid": os.getpid(), "started": time.time()}
    server = listen(
        controllers,
        secrets.token_hex(16),
        about,
        wanted=lambda: place.record.exists() and is_there(owner),
    )
    _write(place.kubeconfig, _kubeconfig(server))
    _write(place.record, {**about, "server": server.url})
    stopping = threading.Event()
    agents = threading.Thread(target=follow, args=(store, place, stopping))
    agents.start()
    try:
        server.serve()
    finally:
        stopping.set()
        agents.join()
        place.record.unlink(missing_ok=True)
        place.kubeconfig.unlink(missing_ok=True)
        if not is_there(owner):
            place.remove()


def is_there(owner: int | None) -> bool:
    """Tell whether the owner is alive; without one there is nobody to miss."""
    if owner is None:
        return True
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return False
    return True


def _kubeconfig(server: EmulatedServer) -> dict[str, object]:
    """Return the way in; JSON, which every reader of YAML reads."""
    context = {"cluster": CLUSTER, "user": CLUSTER, "namespace": "project1-development"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CLUSTER,
        "clusters": [{"name": CLUSTER, "cluster": {"server": server.url}}],
        "users": [{"name": CLUSTER, "user": {}}],
        "contexts": [{"name": CLUSTER, "context": context}],
    }


def _write(path: Path, content: object) -> None:
    """Write a file that only the user may read, whole or not at all."""
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    partial.replace(path)


if __name__ == "__main__":
    serve(SandboxPlace(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else None)

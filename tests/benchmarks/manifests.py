"""500 objects of manifests in 20 namespaces, beside kubectl on the same files."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.measure import GITOPS, Figure
from tests.benchmarks.repositories import HASHES, git
from tests.testbed import controlplane, kube
from tests.testbed.faults import ApiProxy
from tests.testbed.manifests import Manifest, deployment
from tests.testbed.patience import eventually

NAMESPACES = [f"project{number}-production" for number in range(20)]
SERVICES = [f"service{number}" for number in range(5)]
ROUNDS = 3
_PROBE = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], check=True, capture_output=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def figures(work: Path) -> Iterator[Figure]:
    """Yield the figures of everything to make and of nothing to do."""
    plane = controlplane.start(work / "plane")
    admin = kube.admin(plane)
    try:
        state, flat = work / "state", work / "flat"
        _write(state, flat)
        kube.in_parallel(admin.create_namespace, NAMESPACES)
        where = ["-C", str(state), "--kubeconfig", str(plane.kubeconfig)]
        kubectl = [str(controlplane.binary("kubectl")), "--kubeconfig", str(plane.kubeconfig)]
        files = ["--server-side", "--field-manager=bench", "-f", str(flat)]
        made = _seconds([GITOPS, "sync", "--all", *where])
        sync, diff = [GITOPS, "sync", "--all", *where], [GITOPS, "diff", *where]
        subprocess.run([*kubectl, "apply", *files], check=True, capture_output=True)
        idle = {
            "kubectl diff / diff of 500, nothing to do": ([*kubectl, "diff", *files], diff),
            "kubectl apply / sync of 500, nothing to do": ([*kubectl, "apply", *files], sync),
        }
        for what, (theirs, ours) in idle.items():
            yield _beside(what, theirs, ours, 3)
        yield _memory(diff)
        yield from _requests(work, plane, admin, kubectl[0], files)
        kube.in_parallel(lambda space: _empty(admin, space), NAMESPACES)
        theirs_made = _seconds([*kubectl, "apply", *files])
        detail = f"ours {made:.1f} s, kubectl {theirs_made:.1f} s"
        yield Figure(
            "kubectl apply / sync of 500, all to make", theirs_made / made, 1, detail, False
        )
        yield _restored(work, admin, where[2:], kubectl)
    finally:
        admin.close()
        controlplane.stop(work / "plane")


def _requests(
    work: Path, plane: controlplane.ControlPlane, admin: kube.Kube, kubectl: str, files: list[str]
) -> Iterator[Figure]:
    """Yield how many requests it takes to see that nothing differs, and to apply nothing."""
    state = str(work / "state")
    for what, ours, theirs in (
        ("diff", [GITOPS, "diff", "-C", state], [kubectl, "diff", *files]),
        ("sync", [GITOPS, "sync", "--all", "-C", state], [kubectl, "apply", *files]),
    ):
        counts = []
        for number, command in enumerate((ours, theirs)):
            directory = work / f"proxy-{what}-{number}"
            directory.mkdir()
            token = admin.cluster_admin(f"bench-{what}-{number}")
            with ApiProxy(plane, directory, token) as proxy:
                through = [*command, "--kubeconfig", str(proxy.kubeconfig)]
                subprocess.run(through, check=True, capture_output=True)
                counts.append(len(proxy.requests))
        detail = f"ours {counts[0]}, kubectl {counts[1]}"
        name = f"requests of {what} of 500, nothing to do / kubectl's"
        yield Figure(name, counts[0] / counts[1], 1, detail)


def _restored(work: Path, admin: kube.Kube, where: list[str], kubectl: list[str]) -> Figure:
    """Return how long it takes until 60 workloads that were lost run again, beside kubectl."""
    state, flat = work / "lost", work / "lost-flat"
    spaces = [f"lost{number}-production" for number in range(12)]
    _write(state, flat, spaces, replicas=1)

    def with_kubectl() -> float:
        begin = time.perf_counter()
        kube.in_parallel(admin.create_namespace, spaces)
        apply = [*kubectl, "apply", "--server-side", "-f", str(flat)]
        subprocess.run(apply, check=True, capture_output=True)
        _rolled_out(admin, spaces)
        return time.perf_counter() - begin

    def with_gitops() -> float:
        return _seconds([GITOPS, "restore", "--all", "-C", str(state), *where])

    # Most of it is the controllers' time, so both are tried in turns, and the best of each counts.
    turns = [(_anew(admin, spaces, with_kubectl), _anew(admin, spaces, with_gitops)) for _ in "12"]
    theirs, ours = (min(times) for times in zip(*turns, strict=True))
    detail = f"ours {ours:.1f} s, kubectl {theirs:.1f} s, each until all of it runs"
    return Figure("kubectl apply / restore of 60 lost workloads", theirs / ours, 1, detail, False)


def _anew(admin: kube.Kube, spaces: Sequence[str], restore: Callable[[], float]) -> float:
    """Return how long it takes where nothing of it is there, and nobody still removes some."""
    there = [space for space in spaces if admin.exists("Namespace", None, space)]
    kube.in_parallel(admin.delete_namespace, there)
    eventually(lambda: not any(admin.exists("Namespace", None, s) for s in spaces), timeout=600)
    return restore()


def _rolled_out(admin: kube.Kube, spaces: Sequence[str]) -> None:
    for space in spaces:
        admin.wait_all_rolled_out("Deployment", space, timeout=600)


def _write(
    state: Path, flat: Path, spaces: Sequence[str] = NAMESPACES, *, replicas: int = 0
) -> None:
    """Write the same objects as a state repository, and as kubectl takes them."""
    flat.mkdir()
    for space in spaces:
        directory = state / space / "manifests"
        directory.mkdir(parents=True)
        (state / space / "images_path").write_text("r.example.com/project/\n")
        for name in SERVICES:
            (state / space / f"{name}.deployment").write_text(f"{HASHES[0]}\n")
            objects = _objects(space, name, replicas)
            (directory / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
            for one in objects:
                one["metadata"]["namespace"] = space
            (flat / f"{space}-{name}.yaml").write_text(yaml.safe_dump_all(objects))
    git("init", "-q", "-b", "main", state)
    git("-C", state, "add", "-A")
    git(
        "-C", state, "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "-qm", "state"
    )


def _objects(space: str, name: str, replicas: int) -> list[Manifest]:
    def one(kind: str, api: str = "v1", **rest: Any) -> Manifest:
        return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **rest}

    port = {"service": {"name": name, "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": port}]
    rules = [{"host": f"{name}.{space}.example.com", "http": {"paths": paths}}]
    image = f"r.example.com/project/{name}:{HASHES[0]}"
    workload = deployment(name, image, replicas=replicas)
    del workload["metadata"]["annotations"], workload["spec"]["template"]["metadata"]["annotations"]
    return [
        workload,
        one("Service", spec={"selector": {"app": name}, "ports": [{"port": 80}]}),
        one("ConfigMap", data={f"key{number}": "value" * 8 for number in range(10)}),
        one("ServiceAccount"),
        one("Ingress", "networking.k8s.io/v1", spec={"rules": rules}),
    ]


def _seconds(command: Sequence[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def _beside(what: str, theirs: Sequence[str], ours: Sequence[str], goal: float) -> Figure:
    """Run both in turns, and compare the best of each."""
    turns = [(_seconds(theirs), _seconds(ours)) for _ in range(ROUNDS)]
    best = [min(times) for times in zip(*turns, strict=True)]
    detail = f"ours {best[1]:.2f} s, kubectl {best[0]:.1f} s"
    return Figure(what, best[0] / best[1], goal, detail, at_most=False)


def _memory(diff: Sequence[str]) -> Figure:
    command = [sys.executable, "-c", _PROBE, *diff]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    megabytes = int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6
    return Figure("peak memory of diff of 500 objects, MB", megabytes, 150, "ru_maxrss")


def _empty(admin: kube.Kube, space: str) -> None:
    for kind, path in (
        ("Deployment", "apis/apps/v1"),
        ("Service", "api/v1"),
        ("ConfigMap", "api/v1"),
        ("ServiceAccount", "api/v1"),
        ("Ingress", "apis/networking.k8s.io/v1"),
    ):
        plural = "ingresses" if kind == "Ingress" else f"{kind.lower()}s"
        admin.request("DELETE", f"/{path}/namespaces/{space}/{plural}")

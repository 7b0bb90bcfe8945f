"""sync of 1,000 Deployments in 20 namespaces: time, memory and requests."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.benchmarks.measure import GITOPS, Command, Figure, times
from tests.benchmarks.repositories import HASHES, clone_of, state_repository
from tests.testbed import controlplane, kube
from tests.testbed.faults import ApiProxy
from tests.testbed.manifests import deployment

NAMESPACES = [f"project{number}-production" for number in range(20)]
SERVICES = [f"service{number}" for number in range(50)]
CONNECTIONS = 16


def figures(work: Path) -> Iterator[Figure]:
    """Yield the figures of nothing to do and of everything to do."""
    plane = controlplane.start(work / "plane")
    try:
        admin = kube.admin(plane)
        bare = work / "scale.git"
        state_repository(bare, NAMESPACES, SERVICES)
        clone = clone_of(bare, work)
        kube.create_many(
            admin,
            {
                space: [deployment(name, _image(name, 0), replicas=0) for name in SERVICES]
                for space in NAMESPACES
            },
        )
        sync = [GITOPS, "sync", "--all", "--no-wait", "-C", str(clone), "--kubeconfig"]
        sync.append(str(plane.kubeconfig))
        yield from _idle(sync, plane, admin)
        yield from _busy(sync, plane, admin)
        yield _memory(sync)
        yield from _requests(work, plane, admin, sync[:-1])
        admin.close()
    finally:
        controlplane.stop(work / "plane")


def _image(service: str, version: int) -> str:
    return f"r.example.com/project/{service}:{HASHES[version]}"


def _idle(sync: list[str], plane: controlplane.ControlPlane, admin: kube.Kube) -> Iterator[Figure]:
    ours = times({"sync": Command(sync)}, rounds=3, runs=3)["sync"].median
    loop = _kubectl_loop(plane, 0)
    lists = _best(lambda: kube.in_parallel(lambda s: _list(admin, s), NAMESPACES))
    inside = _seconds_on_cluster(sync)
    detail = f"ours {ours:.2f} s, loop {loop:.0f} s"
    yield Figure("the loop / sync of 1,000, nothing to do", loop / ours, 150, detail, at_most=False)
    yield Figure(
        "time on the cluster / the bare LISTs",
        inside / lists,
        1.2,
        f"ours {inside * 1000:.0f} ms, LISTs {lists * 1000:.0f} ms",
    )


def _busy(sync: list[str], plane: controlplane.ControlPlane, admin: kube.Kube) -> Iterator[Figure]:
    ours = bare = float("inf")
    for _ in range(3):
        _patch_all(admin, 1)
        ours = min(ours, _timed(lambda: subprocess.run(sync, check=True, capture_output=True)))
        _patch_all(admin, 1)
        bare = min(bare, _timed(lambda: _patch_all(admin, 0)))
    _patch_all(admin, 1)
    loop = _kubectl_loop(plane, 0)
    yield Figure(
        "the loop / sync of 1,000, all to change",
        loop / ours,
        20,
        f"ours {ours:.1f} s, loop {loop:.0f} s",
        at_most=False,
    )
    yield Figure(
        f"sync of 1,000, all to change / bare PATCHes on {CONNECTIONS} connections",
        ours / bare,
        1.2,
        f"ours {ours:.1f} s, PATCHes {bare:.1f} s",
    )


def _memory(sync: list[str]) -> Figure:
    probe = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], check=True, capture_output=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *sync], check=True, capture_output=True, text=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    megabytes = int(done.stdout) * unit / 1e6
    return Figure("peak memory of sync of 1,000, MB", megabytes, 100, "ru_maxrss")


def _requests(
    work: Path, plane: controlplane.ControlPlane, admin: kube.Kube, sync: list[str]
) -> Iterator[Figure]:
    """One LIST a namespace; a PATCH per difference, after one question about rights a namespace."""
    _patch_all(admin, 1)
    for what, expected in (("all to change", 1_040), ("nothing to do", 20)):
        directory = work / f"proxy-{expected}"
        directory.mkdir()
        with ApiProxy(plane, directory, admin.cluster_admin(f"bench-{expected}")) as proxy:
            subprocess.run([*sync, str(proxy.kubeconfig)], check=True, capture_output=True)
            counted = {verb: len(proxy.seen(verb)) for verb in ("GET", "POST", "PATCH")}
        detail = ", ".join(f"{count} {verb}" for verb, count in counted.items())
        yield Figure(f"requests of sync of 1,000, {what}", sum(counted.values()), expected, detail)


def _kubectl_loop(plane: controlplane.ControlPlane, version: int) -> float:
    """Return the seconds of the loop, from its first 100 Deployments."""
    spaces = NAMESPACES[:2]
    lines = [
        f"kubectl --kubeconfig {plane.kubeconfig} -n {space} set image deployment/{name}"
        f" {name}={_image(name, version)} >/dev/null"
        for space in spaces
        for name in SERVICES
    ]
    script = "\n".join(("set -e", *lines))
    seconds = _timed(lambda: subprocess.run(["sh", "-c", script], check=True))
    return seconds * len(NAMESPACES) / len(spaces)


def _patch_all(admin: kube.Kube, version: int) -> None:
    def patch(pair: tuple[str, str]) -> None:
        space, name = pair
        path = "/spec/template/spec/containers/0/image"
        operation = {"op": "replace", "path": path, "value": _image(name, version)}
        admin.patch("Deployment", space, name, [operation])

    pairs = [(space, name) for space in NAMESPACES for name in SERVICES]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(patch, pairs))


def _list(admin: kube.Kube, space: str) -> object:
    return admin.request("GET", f"/apis/apps/v1/namespaces/{space}/deployments", accept="*/*")


def _seconds_on_cluster(sync: list[str]) -> float:
    """Return how long the command talked to the cluster, as it says itself with -o json."""
    done = [
        subprocess.run([*sync, "-o", "json"], check=True, capture_output=True, text=True)
        for _ in range(5)
    ]
    return min(float(json.loads(each.stdout)["cluster_seconds"]) for each in done)


def _best(work: Callable[[], object]) -> float:
    return min(_timed(work) for _ in range(5))


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin

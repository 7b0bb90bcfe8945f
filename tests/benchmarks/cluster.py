"""diff and sync of five services beside the article's loop: git pull, one kubectl per file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import GITOPS, Command, Figure, Timing, milliseconds, times
from tests.benchmarks.repositories import HASHES, SERVICES, small_repository
from tests.testbed import controlplane, kube
from tests.testbed.kubeconfig import write_kubeconfig
from tests.testbed.manifests import deployment
from tests.testbed.tcp import TcpProxy

ENVIRONMENT = "project1-production"
LOOP = """\
set -e
cd {clone}
git pull -q
cd {environment}
path=$(cat images_path)
for file in *.deployment; do
    name=${{file%.deployment}}
    kubectl --kubeconfig {kubeconfig} -n {environment} \\
        set image deployment/$name $name=$path$name:$(cat $file) >/dev/null
done
"""


def figures(work: Path) -> Iterator[Figure]:
    """Yield the figures at no delay, and at 30 ms of round trip to the API server."""
    plane = controlplane.start(work / "plane")
    try:
        admin = kube.admin(plane)
        clone = small_repository(work)
        # No pods: the figure is about requests, not about the fake nodes' work.
        admin.create_namespace(ENVIRONMENT)
        for service in SERVICES:
            image = f"registry.example.com/project1/{service}:{HASHES[0]}"
            admin.create(deployment(service, image, replicas=0), ENVIRONMENT)
        for milliseconds_of_rtt, nothing, changes in ((0, 0.6, 0.6), (30, 0.4, 0.5)):
            with TcpProxy(plane.port, rtt=milliseconds_of_rtt / 1000) as proxy:
                # By name: the certificate is for localhost, the proxy only passes bytes on.
                config = write_kubeconfig(
                    work / f"kubeconfig-{milliseconds_of_rtt}",
                    url=f"https://localhost:{proxy.port}",
                    ca_file=plane.ca_file,
                    client=(
                        plane.directory / "client-admin.crt",
                        plane.directory / "client-admin.key",
                    ),
                )
                yield from _beside_loop(work, clone, config, milliseconds_of_rtt, nothing, changes)
        admin.close()
    finally:
        controlplane.stop(work / "plane")


def _beside_loop(
    work: Path, clone: Path, config: Path, rtt: int, nothing: float, changes: float
) -> Iterator[Figure]:
    loop = work / f"loop-{rtt}.sh"
    loop.write_text(LOOP.format(clone=clone, environment=ENVIRONMENT, kubeconfig=config))
    break_all = work / f"break-{rtt}.sh"
    break_all.write_text(_set_all(config, "0" * 40))
    ours = ["-C", str(clone), "--kubeconfig", str(config)]
    sync = [GITOPS, "sync", ENVIRONMENT, "--no-wait", *ours]
    idle = times(
        {
            "loop": Command(["sh", str(loop)]),
            "diff": Command([GITOPS, "diff", ENVIRONMENT, *ours]),
            "sync": Command(sync),
        }
    )
    for name in ("diff", "sync"):
        yield _figure(f"{name}, nothing to do, {rtt} ms RTT", idle[name], idle["loop"], nothing)
    prepare = ["sh", str(break_all)]
    busy = times(
        {
            "loop": Command(["sh", str(loop)], prepare=prepare),
            "sync": Command(sync, prepare=prepare),
        },
        rounds=3,
        runs=3,
    )
    yield _figure(f"sync, five to change, {rtt} ms RTT", busy["sync"], busy["loop"], changes)


def _set_all(config: Path, version: str) -> str:
    lines = (
        f"kubectl --kubeconfig {config} -n {ENVIRONMENT} set image deployment/{service}"
        f" {service}=registry.example.com/project1/{service}:{version} >/dev/null"
        for service in SERVICES
    )
    return "\n".join(("set -e", *lines, ""))


def _figure(what: str, ours: Timing, loop: Timing, goal: float) -> Figure:
    return Figure(
        f"{what} / the loop", ours.median / loop.median, goal, milliseconds(ours=ours, loop=loop)
    )

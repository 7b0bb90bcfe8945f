"""Real container engines for tests that are marked `node`: dockerd on a socket, podman."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests.testbed.patience import PATIENCE


@dataclass(frozen=True, slots=True)
class ContainerEngine:
    """docker or podman with an engine and a storage of their own; `variables` lead to them."""

    name: str
    program: str
    variables: Mapping[str, str]

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Run the program and return its stdout, or fail with all it said."""
        done = subprocess.run(
            [self.program, *map(str, arguments)],
            input=stdin,
            env={**os.environ, **self.variables},
            capture_output=True,
            check=False,
            timeout=10 * PATIENCE,
        )
        said = done.stderr.decode(errors="replace")
        assert done.returncode == 0, f"{self.name} {arguments} ended: {done.returncode}\n{said}"
        return done.stdout.decode().strip()

    def inspect(self, image: str) -> dict[str, Any]:
        """Return what the engine knows of an image."""
        return cast(dict[str, Any], json.loads(self("image", "inspect", image))[0])


@contextmanager
def running_docker() -> Iterator[ContainerEngine]:
    """Run a dockerd with a bridge of its own and no firewall rules; needs root.

    Containers that must reach anything run with --network=host.
    """
    # Not pytest's own directory: a socket's path may have 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="gitops-dockerd-"))
    socket, pid = directory / "s", directory / "pid"
    bridge = f"gitops{os.getpid() % 100_000}"  # at most 15 characters
    config = {
        "data-root": str(directory / "data"),
        "exec-root": str(directory / "exec"),
        "pidfile": str(pid),
        "hosts": [f"unix://{socket}"],
        "bridge": bridge,
        "ip-forward": False,
        "iptables": False,
        "ip6tables": False,
        # The node's name for this machine; 127.0.0.0/8 is so anyway.
        "insecure-registries": ["10.96.0.1/32"],
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
    }
    (directory / "daemon.json").write_text(json.dumps(config))
    # Debian's own client: it has BuildKit built in, later ones need a plugin.
    engine = ContainerEngine(
        "docker", _program("docker", "docker.io"), {"DOCKER_HOST": f"unix://{socket}"}
    )
    _ip("link", "add", bridge, "type", "bridge")
    # One of 256 networks: two test processes may have an engine each.
    _ip("address", "add", f"172.31.{os.getpid() % 256}.1/24", "dev", bridge)
    with (directory / "log").open("wb") as log:
        command = [_program("dockerd", "docker.io"), "--config-file", directory / "daemon.json"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await(engine, process, directory / "log")
        yield engine
    finally:
        process.terminate()
        process.wait(PATIENCE)
        _ip("link", "delete", bridge)
        # The daemon leaves its network namespace mounted, and nobody removes what is mounted.
        subprocess.run(["umount", directory / "exec" / "netns" / "default"], check=False)
        shutil.rmtree(directory)


@contextmanager
def podman_at(directory: Path) -> Iterator[ContainerEngine]:
    """Return podman with a storage and a state of its own, removed afterwards."""
    storage = Path(tempfile.mkdtemp(prefix="gitops-podman-"))
    config = directory / "containers.conf"
    # Not every machine lets root raise limits; crun refuses a mixture of cgroup v1 and v2.
    # A reset removes tmp_dir, which all podmans of a machine share unless told otherwise, while
    # threads of its own still write there that the images have gone.
    config.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
        f'tmp_dir = "{storage}/tmp"\nevents_logger = "none"\n'
    )
    file = directory / "storage.conf"
    file.write_text(
        f'[storage]\ndriver = "vfs"\nrunroot = "{storage}/run"\ngraphroot = "{storage}/graph"\n'
    )
    variables = {"CONTAINERS_CONF": str(config), "CONTAINERS_STORAGE_CONF": str(file)}
    engine = ContainerEngine("podman", _program("podman", "podman"), variables)
    try:
        yield engine
    finally:
        engine("system", "reset", "--force")
        shutil.rmtree(storage, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run([_program("ip", "iproute2"), *arguments], check=True)


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
    assert found, f"{name} is not installed: apt-get install {package}"
    return found


def _await(engine: ContainerEngine, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        command = [engine.program, "version"]
        env = {**os.environ, **engine.variables}
        if subprocess.run(command, env=env, capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"dockerd did not start:\n{log.read_text()[-3000:]}")

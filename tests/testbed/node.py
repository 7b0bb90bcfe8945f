"""A real node: containerd, runc, a CNI bridge and a kubelet, beside a control plane of its own.

What the fake nodes leave out: containers that really run. Needs root and what tests/node/setup
installs. One at a time per machine: the bridge and the firewall table have fixed names.

Everything listens on 127.0.0.1. In a pod that is the pod itself, so 10.96.0.1, the `kubernetes`
Service, stands for this machine's loopback, on the machine and in pods: the API server on 443,
and the registry, the git server and the package index on their own ports.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testbed import controlplane
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import Kube, admin
from tests.testbed.patience import eventually

HOST = "10.96.0.1"
_BRIDGE = "gitopsnode0"
_TABLE = "gitops_node"
_POD_NET = "10.244.0.0/24"
_NAME = "127.0.0.1"  # of the node: the API server asks it for logs there
# Controllers of cloud providers and of address ranges have nothing to do here.
_CONTROLLERS = "*,-node-ipam-controller,-node-route-controller,-cloud-node-lifecycle-controller"
_SYSCTLS = (
    "net.ipv4.ip_forward",
    "net.ipv4.conf.all.route_localnet",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)


@dataclass(frozen=True, slots=True)
class Node:
    """A running node and its control plane."""

    directory: Path
    plane: ControlPlane
    kube: Kube

    @property
    def kubeconfig(self) -> Path:
        return self.plane.kubeconfig

    def trust(self, registry: str, ca_file: Path) -> None:
        """Pull from a registry over TLS whose certificate this authority has signed."""
        url = f"https://{registry}"
        text = f'server = "{url}"\n[host."{url}"]\nca = "{ca_file}"\n'
        _write(self.directory / "certs.d" / registry / "hosts.toml", text)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process runs a node here: bridge and table have fixed names."""
    with Path("/run/lock/gitops-node").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def running_node(ports: Sequence[int], *, registry: int) -> Iterator[Node]:
    """Run a node whose pods reach these ports of this machine at HOST; it pulls over `registry`."""
    # Short: unix sockets are below. Not on tmpfs: overlayfs needs extended attributes.
    directory = Path(tempfile.mkdtemp(prefix="gitops-node-", dir="/var/tmp"))
    with ExitStack() as undo:
        undo.enter_context(_alone())
        undo.callback(shutil.rmtree, directory, ignore_errors=True)
        undo.callback(_unmount, directory)
        undo.callback(_restore_sysctls, _sysctls())
        _set_sysctls({"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.route_localnet": "1"})
        plane = _control_plane(directory / "cp")
        undo.callback(controlplane.stop, plane.directory)
        undo.callback(_remove_network)
        _nft(_rules(plane.port, [*ports, registry]))
        containerd = _containerd(directory, registry)
        undo.callback(_end, containerd)
        undo.callback(_end_containers, directory)
        kubelet = _kubelet(directory, plane)
        undo.callback(_end, kubelet)
        kube = admin(plane)
        undo.callback(kube.close)
        _await_ready(kube, kubelet, directory / "kubelet.log")
        yield Node(directory, plane, kube)


def _control_plane(directory: Path) -> ControlPlane:
    certificate = str(directory / "client-admin")
    return controlplane.start(
        directory,
        "-nodes=0",
        "-scheduler",
        f"-controller-list={_CONTROLLERS}",
        f"-apiserver-arg=--kubelet-client-certificate={certificate}.crt",
        f"-apiserver-arg=--kubelet-client-key={certificate}.key",
    )


# --- network


def _rules(api: int, ports: Sequence[int]) -> str:
    listed = ", ".join(str(port) for port in ports)
    return f"""
table ip {_TABLE}
delete table ip {_TABLE}
table ip {_TABLE} {{
  chain to_loopback {{
    ip daddr {HOST} tcp dport 443 dnat to 127.0.0.1:{api}
    ip daddr {HOST} tcp dport {{ {listed} }} dnat to 127.0.0.1
  }}
  chain output {{ type nat hook output priority -105; jump to_loopback; }}
  chain prerouting {{
    type nat hook prerouting priority -105; iifname "{_BRIDGE}" jump to_loopback;
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {_POD_NET} ip daddr != {_POD_NET} masquerade;
  }}
  # route_localnet opens 127/8 to other links; shut it again for all but loopback and pods.
  chain guard {{
    type filter hook input priority -10;
    iifname != {{ "lo", "{_BRIDGE}" }} ip daddr 127.0.0.0/8 drop;
  }}
}}
"""


def _nft(text: str) -> None:
    subprocess.run(["/usr/sbin/nft", "-f", "-"], input=text, text=True, check=True)


def _remove_network() -> None:
    subprocess.run(["/usr/sbin/nft", "delete", "table", "ip", _TABLE], check=False)
    subprocess.run(["/usr/sbin/ip", "link", "delete", _BRIDGE], check=False, capture_output=True)


def _sysctls() -> dict[str, str]:
    return {name: _sysctl(name).read_text().strip() for name in _SYSCTLS}


def _sysctl(name: str) -> Path:
    return Path("/proc/sys", *name.split("."))


def _set_sysctls(values: dict[str, str]) -> None:
    for name, value in values.items():
        _sysctl(name).write_text(value)


def _restore_sysctls(values: dict[str, str]) -> None:
    _set_sysctls(values)


# --- containerd


def _containerd(directory: Path, registry: int) -> subprocess.Popen[bytes]:
    network = {
        "cniVersion": "0.4.0",
        "name": "gitops-node",
        "plugins": [
            {
                "type": "bridge",
                "bridge": _BRIDGE,
                "isGateway": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(directory / "cni"),
                    "ranges": [[{"subnet": _POD_NET}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    _write(directory / "net.d" / "10-gitops.conflist", json.dumps(network))
    for host in ("127.0.0.1", HOST):
        url = f"http://{host}:{registry}"
        _write(
            directory / "certs.d" / f"{host}:{registry}" / "hosts.toml",
            f'server = "{url}"\n[host."{url}"]\n',
        )
    # Without CAP_SYS_RESOURCE, as in some containers, no process may lower its oom_score_adj.
    config = f"""
version = 2
root = "{directory}/containerd"
state = "{directory}/run"
[grpc]
  address = "{_socket(directory)}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  sandbox_image = "127.0.0.1:{registry}/test/busybox:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{directory}/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{directory}/certs.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""
    _write(directory / "containerd.toml", config)
    process = _start(directory, "containerd", "--config", str(directory / "containerd.toml"))
    _until(lambda: _ctr(directory, "version") is not None, process, directory / "containerd.log")
    return process


def _socket(directory: Path) -> Path:
    return directory / "c.sock"


def _ctr(directory: Path, *arguments: str) -> str | None:
    """Return what ctr says; None if it failed."""
    command = ["ctr", "-a", str(_socket(directory)), "-n", "k8s.io", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _end_containers(directory: Path) -> None:
    """Kill what still runs, and remove its network: nobody else would."""
    spaces = set()
    for container in (_ctr(directory, "containers", "ls", "-q") or "").split():
        about = json.loads(_ctr(directory, "containers", "info", container) or "{}")
        for space in (about.get("Spec") or {}).get("linux", {}).get("namespaces", ()):
            if space["type"] == "network" and space.get("path", "").startswith("/var/run/netns/"):
                spaces.add(Path(space["path"]))
    for task in (_ctr(directory, "tasks", "ls", "-q") or "").split():
        _ctr(directory, "tasks", "kill", "-s", "KILL", task)
    deadline = time.monotonic() + 10
    while "RUNNING" in (_ctr(directory, "tasks", "ls") or "") and time.monotonic() < deadline:
        time.sleep(0.1)
    for task in (_ctr(directory, "tasks", "ls", "-q") or "").split():
        _ctr(directory, "tasks", "rm", "-f", task)
    for container in (_ctr(directory, "containers", "ls", "-q") or "").split():
        _ctr(directory, "containers", "rm", container)
    for path in spaces:
        subprocess.run(["umount", "-l", path], check=False, capture_output=True)
        path.unlink(missing_ok=True)


# --- kubelet


def _kubelet(directory: Path, plane: ControlPlane) -> subprocess.Popen[bytes]:
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1",
        "port": 10250,
        "readOnlyPort": 0,
        "healthzPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(plane.ca_file)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{_socket(directory)}",
        "podLogsDir": str(directory / "pod-logs"),
        "volumePluginDir": str(directory / "volumeplugins"),
        "resolvConf": "/etc/resolv.conf",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # as above: it may not be lowered everywhere
        "maxOpenFiles": 20000,
        "makeIPTablesUtilChains": False,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 99,
        "imageGCLowThresholdPercent": 98,
        "syncFrequency": "10s",
    }
    _write(directory / "kubelet.yaml", json.dumps(config))  # JSON is YAML
    return _start(
        directory,
        "kubelet",
        "--config",
        str(directory / "kubelet.yaml"),
        "--kubeconfig",
        str(plane.kubeconfig),
        "--root-dir",
        str(directory / "kubelet"),
        "--cert-dir",
        str(directory / "pki"),
        "--hostname-override",
        _NAME,
        program=str(controlplane.binary("kubelet")),
    )


def _await_ready(kube: Kube, kubelet: subprocess.Popen[bytes], log: Path) -> None:
    def ready() -> bool:
        if not kube.exists("Node", None, _NAME):
            return False
        conditions = kube.get("Node", None, _NAME)["status"].get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    _until(ready, kubelet, log)


# --- processes


def _start(
    directory: Path, name: str, *arguments: str, program: str | None = None
) -> subprocess.Popen[bytes]:
    found = program or shutil.which(name, path="/usr/bin:/usr/sbin")
    assert found, f"{name} is not installed: run tests/node/setup"
    with (directory / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the tests is not for it
        )


def _until(look: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    def alive_and_ready() -> object:
        assert process.poll() is None, f"{log.name}:\n{log.read_text()[-3000:]}"
        return look()

    try:
        eventually(alive_and_ready)
    except TimeoutError:
        raise AssertionError(f"not ready; {log.name}:\n{log.read_text()[-3000:]}") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _unmount(directory: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False)
    _remove_cgroups()


def _remove_cgroups() -> None:
    """Remove the kubelet's empty cgroups; what another container engine has is not among them."""
    for top in Path("/sys/fs/cgroup").glob("**/kubepods*"):
        if not top.is_dir():
            continue
        for path, _, _ in os.walk(top, topdown=False):
            with_processes = Path(path, "cgroup.procs")
            if with_processes.exists() and not with_processes.read_text().strip():
                try:
                    Path(path).rmdir()
                except OSError:
                    break


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)

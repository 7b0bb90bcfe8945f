"""All the parts an agent needs, real: git over ssh, a registry, images, packages and a node."""

from __future__ import annotations

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops_cli.agent.pins import requirements
from tests.testbed.engine import ContainerEngine, running_docker
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, gitops_with_home
from tests.testbed.golang import cache_directory
from tests.testbed.kube import ApiError, Kube
from tests.testbed.manifests import Manifest, deployment
from tests.testbed.node import HOST, Node, running_node
from tests.testbed.registry import RealRegistry, running_registry
from tests.testbed.sshd import Sshd

ROOT = Path(__file__).resolve().parents[3]
FIRST = "1" * 40
MISSING = "f" * 40


@dataclass
class Site:
    """The parts, and the state repository that is the subject."""

    directory: Path
    docker: ContainerEngine
    registry: RealRegistry
    sshd: Sshd
    node: Node
    gitops: Gitops
    index: str
    images: dict[str, str] = field(default_factory=dict)

    @property
    def kube(self) -> Kube:
        return self.node.kube

    @property
    def port(self) -> str:
        """The registry's port."""
        return self.registry.address.rpartition(":")[2]

    @property
    def remote(self) -> Path:
        return self.directory / "environments-state.git"

    @property
    def url(self) -> str:
        """The state repository as pods and this machine reach it."""
        return f"ssh://root@{HOST}:{self.sshd.port}{self.remote}"

    def pushed(self, name: str) -> str:
        """Push a local image and return its name in pods."""
        self.docker("push", f"127.0.0.1:{self.port}/{name}")
        return f"{HOST}:{self.port}/{name}"

    def build_service(self, version: str) -> None:
        """Build and push the service `web` at a commit: it logs its version and stays."""
        context = self.directory / f"web-{version[:12]}"
        context.mkdir()
        (context / "Dockerfile").write_text(
            f"FROM 127.0.0.1:{self.port}/test/busybox:1\n"
            f'CMD ["sh", "-c", "echo version {version}; trap exit TERM; sleep 100000 & wait"]\n'
        )
        self.docker("build", "-t", f"127.0.0.1:{self.port}/shop/web:{version}", context)
        self.pushed(f"shop/web:{version}")

    def environment(self, name: str, version: str = FIRST) -> None:
        """Make an environment: its directory in git, its namespace, its Deployment."""
        self.kube.create_namespace(name)
        self.kube.create(self.web(version), name)
        files: dict[str, str | None] = {
            f"{name}/images_path": f"{HOST}:{self.port}/shop/\n",
            f"{name}/web.deployment": f"{version}\n",
        }
        self.commit(f"Begin {name}", files)

    def web(self, version: str) -> Manifest:
        spec = deployment("web", f"{HOST}:{self.port}/shop/web:{version}")
        spec["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        return spec

    def commit(self, subject: str, files: dict[str, str | None]) -> str:
        """Commit straight in the remote."""
        [commit] = add_commits(self.remote, [Commit(subject, files, _later(self.remote))])
        return commit

    def record(self, environment: str, version: str) -> str:
        """Record a version over ssh, as CI does: clone, `gitops set`, push; return the commit."""
        self.gitops(
            "set", f"web={version}", "--env", environment, "--repo", self.sshd.url(self.remote)
        ).ok()
        return git(self.remote, "rev-parse", "main")

    def running(self, environment: str, app: str = "web") -> set[str]:
        """Return the images that running, ready pods have."""
        found = set()
        for pod in self.kube.pods(environment, app):
            for status in pod["status"].get("containerStatuses", ()):
                if status["ready"] and not pod["metadata"].get("deletionTimestamp"):
                    found.add(pod["spec"]["containers"][0]["image"])
        return found

    def log(self, environment: str, app: str | None = None) -> str:
        """Return what the newest pod of an app, or of all, has logged; nothing if none runs."""
        pods = self.kube.pods(environment, app)
        if not pods:
            return ""
        newest = max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])
        path = f"/api/v1/namespaces/{environment}/pods/{newest['metadata']['name']}/log"
        try:
            text: str = self.kube.request("GET", path, timestamps="true")
        except ApiError:  # it has no container yet, or is gone
            return ""
        return text


def _later(remote: Path) -> int:
    known = subprocess.run(
        ["git", "-C", remote, "log", "-1", "--format=%ct", "main"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return int(known or 1_793_606_400) + 60


@contextmanager
def running_site(directory: Path) -> Iterator[Site]:
    """Start everything and make the images."""
    with ExitStack() as stack:
        docker = stack.enter_context(running_docker())
        registry = stack.enter_context(running_registry(directory / "registry"))
        port = int(registry.address.rpartition(":")[2])
        _base_images(docker, port)
        sshd = stack.enter_context(Sshd(directory / "sshd"))
        index = stack.enter_context(_package_index(directory / "wheels"))
        node = stack.enter_context(running_node([sshd.port, index], registry=port))
        gitops = gitops_with_home(directory / "home").using(
            KUBECONFIG=node.kubeconfig, GIT_SSH_COMMAND=sshd.git_ssh_command
        )
        site = Site(directory, docker, registry, sshd, node, gitops, f"http://{HOST}:{index}/")
        init_bare(site.remote)
        _agent_images(site, f"http://127.0.0.1:{index}/")
        site.build_service(FIRST)
        yield site


def _base_images(docker: ContainerEngine, port: int) -> None:
    """Push busybox, also the image that holds each pod's namespaces, and Debian with Python."""
    busybox = f"127.0.0.1:{port}/test/busybox:1"
    with _archive("-C", "/bin", "busybox") as archive:
        # An import has no history to run, so the links are made by the first command.
        docker("import", archive, "local/raw-busybox:1")
    recipe = (
        'FROM local/raw-busybox:1\nRUN ["/busybox", "mkdir", "/bin", "/tmp"]\n'
        'RUN ["/busybox", "--install", "-s", "/bin"]\nENV PATH=/bin\n'
        'CMD ["sh", "-c", "trap exit TERM; sleep 1000000000 & wait"]\n'
    )
    docker("build", "-t", busybox, "-", stdin=recipe.encode())
    docker("push", busybox)
    release = Path("/etc/os-release").read_text()
    codename = re.findall(r"VERSION_CODENAME=(\w+)", release)[0]
    rootfs = cache_directory() / f"rootfs-{codename}-1"
    assert rootfs.exists(), f"{rootfs} is missing: run tests/node/setup"
    stock = f"127.0.0.1:{port}/test/python:{codename}"
    with _archive("-C", str(rootfs), ".") as archive:
        docker("import", archive, stock)
    docker("push", stock)
    docker("tag", stock, "local/python:1")


@contextmanager
def _archive(*arguments: str) -> Iterator[Path]:
    file = Path(f"/var/tmp/gitops-import-{os.getpid()}.tar")
    try:
        subprocess.run(["tar", "-cf", file, *arguments], check=True)
        yield file
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _package_index(directory: Path) -> Iterator[int]:
    """Serve the tool's wheel and all it needs as pip's simple index; return the port."""
    downloads = directory / "downloads"
    downloads.mkdir(parents=True)
    others = [line for line in requirements() if not line.startswith("gitops-cli==")]
    source = directory / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("gitops_cli", "docs/man"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run(
        [*pip, "download", "--no-deps", "-d", downloads, *others, "setuptools>=77"], check=True
    )
    subprocess.run([*pip, "wheel", "--no-deps", "-w", downloads, source], check=True)
    site = directory / "site"
    for wheel in downloads.iterdir():
        project = re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
        (site / project).mkdir(parents=True, exist_ok=True)
        shutil.move(wheel, site / project / wheel.name)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _agent_images(site: Site, index: str) -> None:
    """Build the project's Dockerfile; from it one with kubectl for the shell agent, and one whose
    clock $FAKETIME puts wrong.
    """
    baked = f"127.0.0.1:{site.port}/tools/gitops-cli:1"
    site.docker(
        "build",
        "--network=host",  # for Debian's packages and the index
        "--build-arg=BASE=local/python:1",
        f"--build-arg=PIP_INDEX_URL={index}",
        "-t",
        baked,
        ROOT,
    )
    site.images["baked"] = site.pushed("tools/gitops-cli:1")
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is not installed: run tests/node/setup"
    context = site.directory / "shell-agent"
    context.mkdir()
    shutil.copy(kubectl, context / "kubectl")
    (context / "Dockerfile").write_text(
        f"FROM {baked}\nCOPY kubectl /usr/local/bin/kubectl\nENTRYPOINT []\n"
    )
    site.docker("build", "-t", f"127.0.0.1:{site.port}/tools/kubectl:1", context)
    site.images["shell"] = site.pushed("tools/kubectl:1")
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    context = site.directory / "skewed"
    context.mkdir()
    shutil.copy(library, context)
    # Under libfaketime 0.9.10, with the monotonic clock as it is, clock_nanosleep fails: EINVAL.
    (context / "sitecustomize.py").write_text(
        "import select, time\n"
        "time.sleep = lambda seconds: select.select((), (), (), seconds) and None\n"
    )
    (context / "Dockerfile").write_text(
        f"FROM {baked}\nCOPY libfaketime.so.1 sitecustomize.py /usr/local/lib/skewed/\n"
        "ENV LD_PRELOAD=/usr/local/lib/skewed/libfaketime.so.1 FAKETIME_DONT_FAKE_MONOTONIC=1\n"
        "ENV PYTHONPATH=/usr/local/lib/skewed\n"
    )
    site.docker("build", "-t", f"127.0.0.1:{site.port}/tools/skewed:1", context)
    site.images["skewed"] = site.pushed("tools/skewed:1")
    codename = site.docker("images", "--format", "{{.Tag}}", f"127.0.0.1:{site.port}/test/python")
    site.images["stock"] = f"{HOST}:{site.port}/test/python:{codename}"

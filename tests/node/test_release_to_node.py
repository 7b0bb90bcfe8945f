"""From `git commit` to a container that runs: release, sync, and a real kubelet pulls the image."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.company import DEV, company, release
from tests.node.floor import Floor, running_floor
from tests.testbed.engine import ContainerEngine
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.kube import PATIENCE
from tests.testbed.manifests import deployment
from tests.testbed.patience import eventually
from tests.testbed.registry import RealRegistry

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY greeting /greeting
CMD ["/bin/busybox", "sh", "-c", \
"/bin/busybox cat /greeting; trap exit TERM; /bin/busybox sleep 10000 & wait"]
"""


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    with running_floor(tmp_path_factory.mktemp("floor")) as floor:
        yield floor


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_commit_runs_on_the_node(floor: Floor, gitops: Gitops, tmp_path: Path, name: str) -> None:
    engine: ContainerEngine = getattr(floor, name)
    environment = f"{name}-development"
    checkout = _service(tmp_path)
    state = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {f"{environment}/images_path": f"{floor.address}/{name}/\n"}
    add_commits(state, [Commit("start", files, 1_793_606_400)])
    kube = floor.node.kube
    kube.create_namespace(environment)
    kube.create(deployment("web", f"{floor.address}/{name}/web:{'0' * 40}"), environment)
    floor.allow(gitops)
    at_work = gitops.at(checkout).using(
        **engine.variables,
        GITOPS_REPO=state,
        KUBECONFIG=floor.node.kubeconfig,
        PATH=f"/usr/bin:{gitops.environment['PATH']}",
    )
    release = ("release", "-e", "dev", "--new", "--builder", name, "--pin", "-o", "json")

    for greeting in ("good morning", "good evening"):
        (checkout / "greeting").write_text(f"{greeting}\n")
        git(checkout, "commit", "-q", "-am", greeting)

        digest = at_work(*release, timeout=200).ok().json()["digest"]
        at_work("sync", environment, "--yes", "--wait", "--timeout", "2m", timeout=200).ok()

        head = git(checkout, "rev-parse", "HEAD")
        assert git(state, "show", f"main:{environment}/web.deployment") == f"{head}@{digest}"
        eventually(lambda: floor.digests(environment, "web") == {digest})  # noqa: B023
        # Ready is what has begun: it speaks a moment later.
        eventually(lambda: floor.log(environment, "web") == greeting)  # noqa: B023


def test_over_tls_with_a_login_it_runs_on_the_node(
    floor: Floor, gitops: Gitops, tmp_path: Path, closed: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, floor.docker, closed)
    shop.commit("Dockerfile", DOCKERFILE)
    assert closed.ca_file is not None
    floor.node.trust(closed.address, closed.ca_file)
    kube = floor.node.kube
    kube.create_namespace(DEV)
    login = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": closed.docker_config()},
    }
    kube.create(login, DEV)
    web = deployment("web", f"{closed.address}/shop/web:{'0' * 40}")
    web["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "login"}]
    kube.create(web, DEV)

    digest = release(shop, floor.docker, "--pin", "-o", "json").ok().json()["digest"]
    at_work = shop.gitops.using(KUBECONFIG=floor.node.kubeconfig)
    at_work("sync", DEV, "--wait", "--timeout", "2m", timeout=200).ok()

    assert shop.recorded() == f"{shop.head}@{digest}"
    eventually(lambda: floor.digests(DEV, "web") == {digest})
    eventually(lambda: floor.log(DEV, "web") == "hello")


def test_into_a_container_that_runs_and_the_log_of_one_that_crashes(
    floor: Floor, gitops: Gitops, tmp_path: Path
) -> None:
    environment = "inside-development"
    state = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {
        f"{environment}/images_path": f"{floor.address}/test/\n",
        f"{environment}/busybox.deployment": "1\n",
    }
    add_commits(state, [Commit("start", files, 1_793_606_400)])
    kube = floor.node.kube
    kube.create_namespace(environment)
    web = deployment("busybox", f"{floor.address}/test/busybox:1")
    [container] = web["spec"]["template"]["spec"]["containers"]
    container["command"] = ["sh", "-c", "echo up; trap 'exit 0' TERM; sleep 10000 & wait"]
    kube.create(web, environment)
    kube.wait_rolled_out("Deployment", environment, "busybox")
    here = gitops.using(GITOPS_REPO=state, KUBECONFIG=floor.node.kubeconfig)
    inside = ("exec", "busybox", "-e", environment)

    done = here(*inside, "-i", "--", "sh", "-c", "read it; echo got $it; exit 3", stdin="this\n")
    assert (done.code, done.stdout) == (3, "got this\n"), str(done)
    with here.terminal(*inside) as terminal:
        terminal.wait_for("# ")
        terminal.type("exit 4\r")
        assert terminal.finish() == 4

    with here.start("logs", "busybox", "-e", environment, "--follow") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "up\n"
        container["command"] = ["sh", "-c", "echo no database; exit 5"]
        kube.patch("Deployment", environment, "busybox", {"spec": web["spec"]})
        eventually(lambda: "CrashLoopBackOff" in str(floor.pods(environment, "busybox")))
        kube.patch("Deployment", environment, "busybox", {"spec": {"replicas": 0}})
        assert following.wait(PATIENCE) == 0, "the pod is gone, and so has the log an end"
    eventually(lambda: not kube.pods(environment, "busybox"))
    kube.patch("Deployment", environment, "busybox", {"spec": {"replicas": 1}})
    eventually(lambda: "CrashLoopBackOff" in str(floor.pods(environment, "busybox")))

    def crashed() -> bool:
        found = here("logs", "busybox", "-e", environment)
        told = all(words in found.stderr for words in (", exit code 5", " --previous "))
        return (found.code, found.stdout, told) == (0, "no database\n", True)

    # A run that ended a moment ago is not the previous one yet; one that began has said nothing.
    eventually(crashed)
    eventually(lambda: here(*inside, "--", "true").code != 0)


def _service(directory: Path) -> Path:
    git(directory, "clone", "-q", init_bare(directory / "sources" / "web.git"), "web")
    checkout = directory / "web"
    shutil.copy("/bin/busybox", checkout)
    (checkout / "Dockerfile").write_text(DOCKERFILE)
    (checkout / "greeting").write_text("hello\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "Begin")
    return checkout

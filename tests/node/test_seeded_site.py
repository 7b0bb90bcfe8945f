"""examples/seeded-site for real: a stock server seeds itself, becomes an image, is promoted."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.node.floor import Floor, running_floor
from tests.testbed.debian import debian_image
from tests.testbed.engine import ContainerEngine
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.kube import PATIENCE, ApiError, Kube
from tests.testbed.manifests import Manifest, deployment
from tests.testbed.node import HOST
from tests.testbed.patience import eventually
from tests.testbed.ports import free_port

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("kubelet")]
EXAMPLE = Path(__file__).parents[2] / "examples" / "seeded-site"
DEV, PROD = "blog-development", "blog-production"
STOCK = "stock/nginx:1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the content that the container downloads; a page, and one it links to."""
    pages = tmp_path_factory.mktemp("site") / "blog"
    (pages / "posts").mkdir(parents=True)
    (pages / "index.html").write_text('<h1>My blog</h1><a href="posts/one.html">one</a>')
    (pages / "posts" / "one.html").write_text("<p>The first post</p>")
    handler = partial(_Quiet, directory=str(pages))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[Floor]:
    port = urlsplit(site).port
    assert port is not None
    with running_floor(tmp_path_factory.mktemp("floor"), [port]) as floor:
        yield floor


@pytest.fixture(scope="module")
def docker(floor: Floor) -> ContainerEngine:
    return floor.docker


@pytest.fixture(scope="module")
def port(docker: ContainerEngine, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Make the stock image, which stands for nginx's own: a server, and no wget; return its port.

    The port is a free one, as the containers share the machine's network.
    """
    port = free_port()
    debian_image(docker, "stock/debian:12", ["nginx-light"])
    build_stock(docker, STOCK, f"127.0.0.1:{port}", tmp_path_factory.mktemp("stock"))
    return port


def build_stock(docker: ContainerEngine, image: str, listen: str, context: Path) -> None:
    (context / "Dockerfile").write_text(
        "FROM stock/debian:12\nCOPY default /etc/nginx/sites-enabled/default\n"
        'CMD ["nginx", "-g", "daemon off;"]\n'
    )
    (context / "default").write_text(f"server {{ listen {listen}; root /usr/share/nginx/html; }}\n")
    docker("build", "--tag", image, context)


@pytest.fixture
def state(tmp_path: Path, floor: Floor) -> Path:
    remote = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {
        f"{environment}/images_path": f"{floor.address}/blog/\n" for environment in (DEV, PROD)
    }
    add_commits(remote, [Commit("start", files, 1_793_606_400)])
    return remote


@pytest.fixture
def removed(docker: ContainerEngine) -> Iterator[Callable[[str], str]]:
    """Return what notes a container that is to be removed."""
    names: list[str] = []

    def note(name: str) -> str:
        names.append(name)
        return name

    yield note
    for name in names:
        docker("rm", "--force", name)


def page(port: int, path: str = "") -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE) as answer:
            return str(answer.read().decode())
    except (OSError, http.client.HTTPException):  # it does not serve yet
        return ""


def test_a_seeded_container_becomes_a_promoted_version(
    tmp_path: Path,
    gitops: Gitops,
    floor: Floor,
    docker: ContainerEngine,
    state: Path,
    site: str,
    port: int,
    removed: Callable[[str], str],
) -> None:
    checkout = tmp_path / "site"
    git(tmp_path, "clone", "-q", init_bare(tmp_path / "sources" / "site.git"), "site")
    for file in EXAMPLE.glob("*.sh"):
        (checkout / file.name).write_text(file.read_text())
        (checkout / file.name).chmod(0o755)
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "Seed the site")
    head = git(checkout, "rev-parse", "HEAD")
    assert "wget" not in docker("run", "--rm", "--network=host", STOCK, "ls", "/usr/bin").split()
    floor.allow(gitops)
    at_work = gitops.at(checkout).using(
        **docker.variables,
        GITOPS_REPO=state,
        KUBECONFIG=floor.node.kubeconfig,
        PATH=f"/usr/bin:{gitops.environment['PATH']}",
    )

    removed("site")
    subprocess.run(
        [checkout / "run.sh", site, "--network=host"],
        env={**at_work.environment, "IMAGE": STOCK},
        check=True,
        capture_output=True,
    )
    eventually(lambda: "My blog" in page(port), timeout=240)
    docker("exec", "site", "sed", "-i", "s/My blog/Our blog/", "/usr/share/nginx/html/index.html")

    released = at_work(
        *("release", "site", "-e", "dev", "--new", "--builder", "docker", "--pin", "-o", "json"),
        *("--image-from-container", "site", "--cmd", "nginx -g 'daemon off;'"),
        timeout=200,
    )

    said = released.ok().json()
    assert said["image_is"] == "committed"
    version = f"{head}@{said['digest']}"
    assert git(state, "show", f"main:{DEV}/site.deployment") == version
    image = f"{floor.address}/blog/site:{head}"
    config = docker.inspect(image)["Config"]
    assert config["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert config["Labels"]["org.opencontainers.image.revision"] == head

    docker("rm", "--force", "site")
    docker("image", "rm", "--force", image)
    docker("run", "--detach", "--name", removed("released"), "--network=host", image)
    # At once, with changes and links, and without asking the site again.
    eventually(lambda: "Our blog" in page(port))
    assert "The first post" in page(port, "posts/one.html")

    at_work("promote", "site", "--from", "dev", "--to", "prod", "--verify-image", "--yes").ok()
    assert git(state, "show", f"main:{PROD}/site.deployment") == version

    floor.node.kube.create_namespace(PROD)
    floor.node.kube.create(serving(f"{floor.address}/blog/site:{'0' * 40}", port), PROD)
    at_work("sync", PROD, "--yes", "--wait", "--timeout", "3m", timeout=200).ok()
    eventually(lambda: floor.digests(PROD, "site") == {said["digest"]})


def test_an_image_that_has_the_tool_installs_nothing(
    docker: ContainerEngine, port: int, site: str, removed: Callable[[str], str], tmp_path: Path
) -> None:
    assert port, "the stock image's base is there"
    here, stock = free_port(), "stock/nginx-with-wget:1"
    build_stock(docker, stock, f"127.0.0.1:{here}", tmp_path)
    get = "apt-get update && apt-get install --yes --no-install-recommends wget"
    (tmp_path / "Dockerfile").write_text(f"FROM {stock}\nRUN {get} && rm /usr/bin/apt-get\n")
    docker("build", "--network=host", "--tag", stock, tmp_path)

    removed("site")
    subprocess.run(
        [EXAMPLE / "run.sh", site, "--network=host"],
        env={**os.environ, **docker.variables, "ENGINE": docker.program, "IMAGE": stock},
        check=True,
        capture_output=True,
    )

    eventually(lambda: "My blog" in page(here))
    assert "The first post" in page(here, "posts/one.html")


def serving(image: str, port: int) -> Manifest:
    """Return a Deployment that is ready when it serves what was changed by hand."""
    manifest = deployment("site", image)
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    ask = f'exec 3<>/dev/tcp/127.0.0.1/{port}; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3'
    container["readinessProbe"] = {
        "exec": {"command": ["bash", "-c", f'{ask}; grep -q "Our blog" <&3']},
        "periodSeconds": 1,
    }
    return manifest


def served(kube: Kube, namespace: str, pod: Manifest) -> str:
    """Return what a pod serves: nothing as long as it does not listen."""
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}:80/proxy/"
    try:
        return str(kube.request("GET", path))
    except ApiError:
        return ""


MANIFESTS = sorted((EXAMPLE / "kubernetes").glob("[12]-*.yaml"))


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_the_manifests_serve_what_was_downloaded(
    floor: Floor, docker: ContainerEngine, port: int, site: str, tmp_path: Path, file: Path
) -> None:
    """As they stand, but for the images, which are here, and the site, which pods see so."""
    assert port, "the stock image's base is there"
    stock = f"{floor.registry.address}/stock/nginx:1"
    build_stock(docker, stock, "80", tmp_path)
    docker("push", stock)
    text = file.read_text()
    for image, here in (("nginx:1.29", "stock/nginx:1"), ("alpine:3.22", "test/busybox:1")):
        text = text.replace(image, f"{floor.address}/{here}")
    text = text.replace("https://example.com/blog/", f"http://{HOST}:{urlsplit(site).port}/")
    namespace = f"seeded-{file.stem[0]}"
    kube = floor.node.kube
    kube.create_namespace(namespace)
    for manifest in yaml.safe_load_all(text):
        kube.create(manifest, namespace)

    kube.wait_rolled_out("Deployment", namespace, "site", timeout=240)

    [pod] = floor.pods(namespace, "site")
    eventually(lambda: "My blog" in served(kube, namespace, pod))


def test_the_released_manifest_is_made_to_run_what_is_recorded(
    floor: Floor, docker: ContainerEngine, port: int, gitops: Gitops, tmp_path: Path
) -> None:
    assert port, "the stock image's base is there"
    environment, version = "released-development", "c" * 40
    image = f"{floor.registry.address}/blog/site:{version}"
    build_stock(docker, image, "80", tmp_path)
    docker("push", image)
    remote = init_bare(tmp_path / "released.git")
    files: dict[str, str | None] = {
        f"{environment}/images_path": f"{floor.address}/blog/\n",
        f"{environment}/site.deployment": f"{version}\n",
    }
    add_commits(remote, [Commit("start", files, 1_793_606_400)])
    text = (EXAMPLE / "kubernetes" / "3-released.yaml").read_text()
    kube = floor.node.kube
    kube.create_namespace(environment)
    manifest = yaml.safe_load(text.replace("registry.example.com", floor.address))
    kube.create(manifest, environment)
    here = gitops.using(GITOPS_REPO=remote, KUBECONFIG=floor.node.kubeconfig)

    here("sync", environment, "--yes", "--wait", "--timeout", "3m", timeout=200).ok()

    [pod] = [pod for pod in floor.pods(environment, "site") if version in str(pod["spec"])]
    eventually(lambda: "nginx" in served(kube, environment, pod))


def test_the_manifests_script_is_the_examples() -> None:
    [first, *_] = yaml.safe_load_all(MANIFESTS[0].read_text())
    commands = [
        line
        for line in (EXAMPLE / "seed.sh").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    in_cluster = first["data"]["seed.sh"].splitlines()

    assert commands == in_cluster

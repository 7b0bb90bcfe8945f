"""`gitops release` on real engines and a real registry: from `git commit` to the recorded image."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gitops_cli.domain.image import parse_image
from gitops_cli.domain.registries import RegistryRules
from gitops_cli.registry.client import Registries
from tests.node.watching import command_lines, traced
from tests.testbed.engine import ContainerEngine, podman_at, running_docker
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops, Ran
from tests.testbed.kube import eventually
from tests.testbed.registry import OCI_INDEX, Account, RealRegistry, running_registry

pytestmark = pytest.mark.node
ACCOUNT = Account("ci", "pa55-w0rd-of-the-registry")
DEV, PROD = "shop-development", "shop-production"
DOCKERFILE = """\
FROM scratch
ARG GREETING=hello
COPY busybox /bin/busybox
COPY greeting /greeting
CMD ["/bin/busybox", "cat", "/greeting"]
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[ContainerEngine]:
    with running_docker() as engine:
        yield engine


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerEngine]:
    with podman_at(tmp_path_factory.mktemp("podman")) as engine:
        yield engine


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> ContainerEngine:
    found: ContainerEngine = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("plain")) as registry:
        yield registry


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(tmp_path_factory.mktemp("closed"), account=ACCOUNT) as registry:
        yield registry


@dataclass
class Company:
    """A service's checkout, the state repository, and the command that works on both."""

    gitops: Gitops
    checkout: Path
    state: Path
    registry: RealRegistry

    @property
    def head(self) -> str:
        return git(self.checkout, "rev-parse", "HEAD")

    def recorded(self, environment: str = DEV) -> str:
        return git(self.state, "show", f"main:{environment}/web.deployment")

    def digest(self, tag: str) -> str | None:
        """Return what the registry has under a tag."""
        rules = RegistryRules(self.registry.address, ca_file=self.registry.ca_file)
        environ = self.gitops.environment
        image = parse_image(f"{self.registry.address}/shop/web:{tag}")
        return Registries({self.registry.address: rules}, environ).digest(image)

    def traced(self, log: Path) -> Company:
        """Return the same, with all programs that the command starts added to a file."""
        return replace(self, gitops=self.gitops.under(*traced(log)))

    def commit(self, path: str, content: str) -> str:
        (self.checkout / path).write_text(content)
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "-q", "-m", f"Change {path}")
        return self.head


def company(
    directory: Path, gitops: Gitops, engine: ContainerEngine, registry: RealRegistry
) -> Company:
    remote = init_bare(directory / "sources" / "web.git")
    git(directory, "clone", "-q", remote, "web")
    checkout = directory / "web"
    shutil.copy("/bin/busybox", checkout / "busybox")
    (checkout / "Dockerfile").write_text(DOCKERFILE)
    (checkout / "greeting").write_text("hello\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "Say hello")
    git(checkout, "push", "-q", "origin", "HEAD")
    state = init_bare(directory / "state.git")
    files: dict[str, str | None] = {
        f"{environment}/images_path": f"{registry.address}/shop/\n" for environment in (DEV, PROD)
    }
    add_commits(state, [Commit("start", files, 1_793_606_400)])
    variables = {**engine.variables, "GITOPS_REPO": str(state)}
    if registry.account is not None:
        log_in(gitops.home, registry)
        variables["REGISTRY_AUTH_FILE"] = str(gitops.home / ".docker" / "config.json")
    path = f"/usr/bin:{gitops.environment['PATH']}"
    return Company(gitops.at(checkout).using(PATH=path, **variables), checkout, state, registry)


def log_in(home: Path, registry: RealRegistry) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(registry.docker_config())
    assert registry.ca_file is not None
    trusted = home / ".config" / "containers" / "certs.d" / registry.address
    trusted.mkdir(parents=True)
    shutil.copy(registry.ca_file, trusted / "ca.crt")


@pytest.fixture
def shop(tmp_path: Path, gitops: Gitops, engine: ContainerEngine, plain: RealRegistry) -> Company:
    return company(tmp_path, gitops, engine, plain)


@pytest.fixture
def docker_shop(
    tmp_path: Path, gitops: Gitops, docker: ContainerEngine, plain: RealRegistry
) -> Company:
    return company(tmp_path, gitops, docker, plain)


def release(shop: Company, engine: ContainerEngine, *more: str) -> Ran:
    return shop.gitops("release", "-e", "dev", "--builder", engine.name, *more, timeout=200)


def test_a_commit_becomes_a_recorded_image(shop: Company, engine: ContainerEngine) -> None:
    head = shop.commit("greeting", "good morning\n")

    done = release(shop, engine, "--pin", "-o", "json").ok()

    said = done.json()
    assert (said["kind"], said["image_is"], said["changed"]) == ("release", "built", True)
    assert said["digest"] == shop.digest(head)
    assert shop.recorded() == f"{head}@{said['digest']}"
    image = f"{shop.registry.address}/shop/web:{head}"
    labels = engine.inspect(image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == head
    assert labels["org.opencontainers.image.source"].endswith("sources/web")
    assert labels["org.opencontainers.image.created"].endswith("Z")
    assert engine("run", "--rm", "--network=host", image) == "good morning"


def test_over_tls_with_credentials(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, engine, closed)

    log = tmp_path / "programs"

    done = release(shop.traced(log), engine, "--pin", "-v").ok()

    assert shop.recorded() == f"{shop.head}@{shop.digest(shop.head)}"
    said = f"{done.stdout}{done.stderr}{git(shop.state, 'log', '-p', 'main')}"
    for secret in (ACCOUNT.password, ACCOUNT.packed):
        assert secret not in said
        assert secret not in closed.log.read_text()
        assert not [line for line in command_lines(log) if secret in line]


def test_a_wrong_password_is_not_shown(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop, wrong = company(tmp_path, gitops, engine, closed), Account("ci", "wr0ng-pa55word")
    config = gitops.home / ".docker" / "config.json"
    config.write_text(closed.docker_config().replace(ACCOUNT.packed, wrong.packed))
    assert wrong.packed in config.read_text()

    done = release(shop, engine, "-v")

    assert done.code == 4, done
    for secret in (wrong.password, wrong.packed):
        assert secret not in done.stdout + done.stderr


def test_without_credentials_it_says_where_to_log_in(
    tmp_path: Path, gitops: Gitops, engine: ContainerEngine, closed: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, engine, closed)
    (gitops.home / ".docker" / "config.json").write_text("{}")

    done = release(shop, engine)

    assert done.code == 4
    assert f"{engine.name} login {closed.address}" in done.stderr


def test_a_second_run_needs_no_engine(shop: Company, engine: ContainerEngine) -> None:
    release(shop, engine).ok()
    tip = git(shop.state, "rev-parse", "main")
    gone = shop.gitops.using(DOCKER_HOST="unix:///nowhere", CONTAINERS_CONF="/nowhere")

    again = gone("release", "-e", "dev", "-o", "json").ok().json()

    assert (again["image_is"], again["changed"]) == ("found", False)
    assert git(shop.state, "rev-parse", "main") == tip


def test_a_refused_hash_is_recorded_by_running_it_again(
    shop: Company, engine: ContainerEngine
) -> None:
    hook = shop.state / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not now >&2\nexit 1\n")
    hook.chmod(0o755)

    refused = release(shop, engine)
    between = shop.digest(shop.head)
    hook.unlink()
    again = release(shop, engine, "-o", "json").ok().json()

    assert refused.code == 3, str(refused)
    assert "not now" in refused.stderr
    assert "the same command, run again, only records it" in refused.stderr
    assert between is not None, "the image was up already"
    assert (again["image_is"], again["changed"]) == ("found", True)
    assert shop.recorded() == shop.head


def test_a_build_that_fails_records_nothing(shop: Company, engine: ContainerEngine) -> None:
    shop.commit("Dockerfile", "FROM scratch\nCOPY nowhere /\n")

    done = release(shop, engine)

    assert done.code == 1
    assert "nowhere" in done.stderr
    assert git(shop.state, "log", "--format=%s", "main") == "start"


def test_a_lock_refuses_before_anything_is_built(shop: Company, engine: ContainerEngine) -> None:
    add_commits(shop.state, [Commit("lock", {f"{DEV}/.lock": 'reason = "party"\n'}, 1_793_606_500)])

    done = release(shop, engine)

    assert done.code == 6
    assert "party" in done.stderr
    assert shop.digest(shop.head) is None


def test_dirty_work_is_refused_or_gets_a_hash_of_its_own(
    shop: Company, engine: ContainerEngine
) -> None:
    (shop.checkout / "greeting").write_text("half done\n")

    refused = release(shop, engine)
    first = release(shop, engine, "--allow-dirty", "-o", "json").ok().json()
    again = release(shop, engine, "--allow-dirty", "-o", "json").ok().json()

    assert refused.code == 6
    assert "greeting" in refused.stderr
    [change] = first["changes"]
    version = change["to"]
    assert version != shop.head
    assert git(shop.checkout, "show", f"{version}:greeting") == "half done"
    assert git(shop.checkout, "rev-parse", f"{version}^") == shop.head
    assert "uncommitted changes on top of" in git(shop.state, "log", "-1", "--format=%B", "main")
    assert (again["image_is"], again["changed"]) == ("found", False)
    image = f"{shop.registry.address}/shop/web:{version}"
    assert engine("run", "--rm", "--network=host", image) == "half done"
    assert git(shop.checkout, "status", "--porcelain").strip() == "M greeting"


def test_dry_run_builds_nothing(shop: Company, engine: ContainerEngine) -> None:
    done = release(shop, engine, "--dry-run", "-o", "json").ok().json()

    assert (done["dry_run"], done["image_is"], done["digest"]) == (True, None, None)
    assert done["image"] == f"{shop.registry.address}/shop/web:{shop.head}"
    assert shop.digest(shop.head) is None


def test_build_arguments_file_context_and_labels(shop: Company, engine: ContainerEngine) -> None:
    (shop.checkout / "deploy").mkdir()
    shop.commit(
        "deploy/Other",
        "FROM scratch\nARG GREETING\nARG NAME\nCOPY busybox /bin/\n"
        'LABEL greeting="$GREETING $NAME"\nCMD ["/bin/busybox", "true"]\n',
    )
    named = shop.gitops.using(NAME="Ada")

    named(
        *("release", "web", "-e", "dev", "--builder", engine.name, "--build", "."),
        *("--file", "deploy/Other", "--build-arg", "GREETING=hello", "--build-arg", "NAME"),
        *("--label", "team=shop"),
        timeout=200,
    ).ok()

    labels = engine.inspect(f"{shop.registry.address}/shop/web:{shop.head}")["Config"]["Labels"]
    assert (labels["greeting"], labels["team"]) == ("hello Ada", "shop")


def test_a_build_secret_is_nowhere_to_be_seen(shop: Company, engine: ContainerEngine) -> None:
    token = "npm-t0ken-of-the-build"
    (shop.checkout / "secret.Dockerfile").write_text(
        "FROM scratch\nCOPY busybox /bin/busybox\n"
        "RUN --mount=type=secret,id=npm "
        '["/bin/busybox", "sh", "-c", "/bin/busybox wc -c < /run/secrets/npm > /length"]\n'
        'CMD ["/bin/busybox", "cat", "/length"]\n'
    )
    shop.commit("note", "with a secret\n")
    log = shop.state.parent / "programs"
    secretly = shop.traced(log).gitops.using(NPM_TOKEN=token)

    done = secretly(
        *("release", "-e", "dev", "--builder", engine.name, "--file", "secret.Dockerfile"),
        *("--secret", "id=npm,env=NPM_TOKEN", "-v"),
        timeout=200,
    ).ok()

    image = f"{shop.registry.address}/shop/web:{shop.head}"
    assert engine("run", "--rm", "--network=host", image) == str(len(token)), "it was there"
    known = json.dumps(engine.inspect(image)) + engine("history", "--no-trunc", image)
    assert token not in f"{done}{known}{git(shop.state, 'log', '-p', 'main')}"
    assert not [line for line in command_lines(log) if token in line]


def running(engine: ContainerEngine, image: str) -> str:
    """Start a container that writes a file and stays; return its id."""
    seed = "echo seeded > /greeting; echo ready; exec sleep 600"
    words = ("run", "--detach", "--network=host", image, "/bin/busybox", "sh", "-c", seed)
    container = engine(*words)
    eventually(lambda: "ready" in engine("logs", container), timeout=30)
    return container


def test_a_running_container_becomes_a_version(shop: Company, engine: ContainerEngine) -> None:
    release(shop, engine).ok()
    container = running(engine, f"{shop.registry.address}/shop/web:{shop.head}")
    head = shop.commit("note", "seeded by hand\n")
    command = '/bin/busybox sh -c "cat /greeting; echo $HOME"'

    made = release(
        shop, engine, "--image-from-container", container, "--cmd", command, "--pin", "-o", "json"
    )

    engine("rm", "--force", container)
    said = made.ok().json()
    assert (said["image_is"], said["digest"]) == ("committed", shop.digest(head))
    assert shop.recorded() == f"{head}@{said['digest']}"
    image = f"{shop.registry.address}/shop/web:{head}"
    assert engine("run", "--rm", "--network=host", image).split()[0] == "seeded"
    config = engine.inspect(image)["Config"]
    assert config["Cmd"] == ["/bin/busybox", "sh", "-c", "cat /greeting; echo $HOME"]
    assert config["Labels"]["org.opencontainers.image.revision"] == head


def test_a_container_that_is_not_there(shop: Company, engine: ContainerEngine) -> None:
    done = release(shop, engine, "--image-from-container", "nobody")

    assert done.code == 1
    assert "nobody" in done.stderr
    assert shop.digest(shop.head) is None


def test_several_platforms_are_one_index(
    tmp_path: Path, gitops: Gitops, podman: ContainerEngine, plain: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, podman, plain)
    platforms = ("--platform", "linux/amd64,linux/arm64")

    done = release(shop, podman, "--pin", *platforms, "-o", "json").ok().json()

    assert done["digest"] == shop.digest(shop.head)
    assert shop.recorded() == f"{shop.head}@{done['digest']}"


def test_docker_without_buildx_says_so(docker_shop: Company, docker: ContainerEngine) -> None:
    done = release(docker_shop, docker, "--platform", "linux/amd64,linux/arm64")

    assert done.code == 2
    assert "buildx" in done.stderr


def test_an_engine_that_is_not_there(shop: Company) -> None:
    gone = shop.gitops.using(DOCKER_HOST="unix:///nowhere")

    unreachable = gone("release", "-e", "dev", "--builder", "docker")
    programs = shop.checkout.parent / "programs"
    programs.mkdir()
    (programs / "git").symlink_to("/usr/bin/git")
    nothing = gone.using(PATH=programs)("release", "-e", "dev", "--builder", "podman")

    assert (unreachable.code, "docker version" in unreachable.stderr) == (5, True)
    assert (nothing.code, "podman is not installed" in nothing.stderr) == (2, True)


def test_on_a_terminal_the_engine_shows_its_own_progress(
    docker_shop: Company, docker: ContainerEngine
) -> None:
    command = ("release", "-e", "dev", "--builder", "docker")
    with docker_shop.gitops.terminal(*command) as terminal:
        terminal.wait_for("is built and pushed", timeout=120)

    assert "Pushed" in terminal.transcript or "digest:" in terminal.transcript
    assert docker_shop.recorded() == docker_shop.head


def test_an_image_that_appears_twenty_seconds_later_is_waited_for(docker_shop: Company) -> None:
    shop = docker_shop

    def push() -> None:
        time.sleep(20)
        shop.registry.push("shop/web", shop.head, OCI_INDEX)

    building = threading.Thread(target=push)
    building.start()
    early = shop.gitops("set", "-e", "dev", "--verify-image")
    begin = time.monotonic()

    late = shop.gitops("set", "-e", "dev", "--wait-image", "2m", "--pin", timeout=100)

    building.join()
    assert (early.code, late.code) == (6, 0), str(late)
    assert 10 < time.monotonic() - begin < 60
    assert shop.recorded() == f"{shop.head}@{shop.digest(shop.head)}"


def test_an_image_that_never_appears_is_waited_for_in_vain(docker_shop: Company) -> None:
    shop = docker_shop
    before = git(shop.state, "rev-parse", "main")

    done = shop.gitops("set", "-e", "dev", "--wait-image", "2s")

    assert done.code == 8, done
    assert f"shop/web:{shop.head}" in done.stderr
    assert git(shop.state, "rev-parse", "main") == before

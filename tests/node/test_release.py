"""`gitops release` on real engines and a real registry: from `git commit` to the recorded image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.node.company import DEV, Company, company, release
from tests.node.watching import command_lines
from tests.testbed.engine import ContainerEngine
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.gitops import Gitops
from tests.testbed.registry import DOCKER_LIST, OCI_INDEX, RealRegistry

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]


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


def test_several_platforms_are_one_index(
    tmp_path: Path, gitops: Gitops, podman: ContainerEngine, plain: RealRegistry
) -> None:
    shop = company(tmp_path, gitops, podman, plain)
    platforms = ("--platform", "linux/amd64,linux/arm64")

    done = release(shop, podman, "--pin", *platforms, "-o", "json").ok().json()

    assert done["digest"] == shop.digest(shop.head)
    assert shop.recorded() == f"{shop.head}@{done['digest']}"
    index = plain.manifest("shop/web", done["digest"])
    assert index["mediaType"] in (OCI_INDEX, DOCKER_LIST)
    pairs = [(m["platform"]["os"], m["platform"]["architecture"]) for m in index["manifests"]]
    assert sorted(pairs) == [("linux", "amd64"), ("linux", "arm64")]
    for entry in index["manifests"]:
        image = plain.manifest("shop/web", entry["digest"])
        config = json.loads(plain.blob("shop/web", image["config"]["digest"]))
        assert config["architecture"] == entry["platform"]["architecture"]


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
        terminal.wait_for("is built and pushed")
        assert terminal.finish() == 0, "what it records comes after that"

    assert "Pushed" in terminal.transcript or "digest:" in terminal.transcript
    assert docker_shop.recorded() == docker_shop.head

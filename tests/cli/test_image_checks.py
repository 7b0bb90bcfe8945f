"""--verify-image, --wait-image and --pin, against a registry that answers as told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.registry.scripted import Reply, Request, Scripted, image_with, scripted
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.schemas import check

OLD, NEW = "a" * 40, "b" * 40
DIGEST = "sha256:" + "0f" * 32
DEV, PROD = "shop-development", "shop-production"


@dataclass
class Images:
    """The tags a registry has."""

    tags: set[str] = field(default_factory=set)
    down: bool = False
    retry_after: int | None = None
    page: bool = False
    """Answer everything with a page, as the login page of a network does."""

    def __call__(self, request: Request) -> Reply:
        if self.down:
            return Reply(500)
        if self.page:
            return Reply(200, {"Content-Type": "text/html"}, b"<html>log in first</html>")
        if self.retry_after is not None:
            return Reply(429, {"Retry-After": str(self.retry_after)})
        has = request.path.rpartition("/")[2] in {*self.tags, DIGEST}
        return image_with(DIGEST) if has else Reply(404)


@pytest.fixture
def images() -> Images:
    return Images()


@pytest.fixture
def registry(images: Images) -> Iterator[Scripted]:
    with scripted(images) as server:
        yield server


@pytest.fixture
def state(tmp_path: Path, registry: Scripted) -> Path:
    remote = init_bare(tmp_path / "state.git")
    files: dict[str, str | None] = {
        f"{environment}/{name}": content
        for environment in (DEV, PROD)
        for name, content in (
            ("images_path", f"{registry.address}/shop/\n"),
            ("web.deployment", f"{OLD}\n"),
        )
    }
    add_commits(remote, [Commit("start", files, 1_793_606_400)])
    return remote


@pytest.fixture
def gitops(gitops: Gitops, state: Path) -> Gitops:
    return gitops.using(GITOPS_REPO=state)


def recorded(state: Path, environment: str = DEV) -> str:
    return git(state, "show", f"main:{environment}/web.deployment")


def test_an_image_that_exists_is_recorded(gitops: Gitops, state: Path, images: Images) -> None:
    images.tags = {NEW}

    gitops("set", f"web={NEW}", "-e", "dev", "--verify-image").ok()

    assert recorded(state) == NEW


def test_one_that_does_not_is_refused(gitops: Gitops, state: Path, registry: Scripted) -> None:
    done = gitops("set", f"web={NEW}", "-e", "dev", "--verify-image")

    assert done.code == 6
    assert f"{registry.address}/shop/web:{NEW}" in done.stderr
    assert "--wait-image" in done.stderr
    assert recorded(state) == OLD


def test_without_being_asked_the_registry_is_left_alone(
    gitops: Gitops, state: Path, registry: Scripted
) -> None:
    gitops("set", f"web={NEW}", "-e", "dev").ok()

    assert (recorded(state), registry.requests) == (NEW, [])


def test_pin_records_the_digest_and_a_second_run_changes_nothing(
    gitops: Gitops, state: Path, images: Images
) -> None:
    images.tags = {NEW}
    gitops("set", f"web={NEW}", "-e", "dev", "--pin").ok()
    tip = git(state, "rev-parse", "main")

    again = gitops("set", f"web={NEW}", "-e", "dev", "--pin", "-o", "json").ok()

    assert recorded(state) == f"{NEW}@{DIGEST}"
    assert again.json()["changed"] is False
    assert git(state, "rev-parse", "main") == tip


def test_an_image_that_appears_is_waited_for(gitops: Gitops, state: Path, images: Images) -> None:
    def build() -> None:
        time.sleep(2)
        images.tags = {NEW}

    building = threading.Thread(target=build)
    begin = time.monotonic()
    building.start()

    gitops("set", f"web={NEW}", "-e", "dev", "--wait-image", "2m").ok()

    building.join()
    assert recorded(state) == NEW
    assert time.monotonic() - begin >= 2


def test_one_that_never_does_times_out(gitops: Gitops, state: Path) -> None:
    done = gitops("set", f"web={NEW}", "-e", "dev", "--wait-image", "1s")

    assert done.code == 8
    assert "not in the registry after 1 s; nothing was recorded" in done.stderr
    assert recorded(state) == OLD


def test_a_rate_limit_longer_than_the_wait_ends_it(
    gitops: Gitops, state: Path, images: Images, registry: Scripted
) -> None:
    images.retry_after = 900

    done = gitops("set", f"web={NEW}", "-e", "dev", "--wait-image", "1m", timeout=40)

    assert done.code == 5
    assert "it asks to come back in 900 s" in done.stderr
    assert len(registry.requests) == 1
    assert recorded(state) == OLD


def test_a_registry_that_cannot_tell_is_no_missing_image(
    gitops: Gitops, state: Path, images: Images
) -> None:
    images.down = True

    done = gitops("set", f"web={NEW}", "-e", "dev", "--verify-image")

    assert done.code == 5
    assert recorded(state) == OLD


@pytest.mark.parametrize("option", ["--verify-image", "--pin"])
def test_a_page_is_no_image(
    gitops: Gitops, state: Path, images: Images, registry: Scripted, option: str
) -> None:
    images.page = True

    done = gitops("set", f"web={NEW}", "-e", "dev", option)

    assert done.code == 5
    assert f"{registry.address}: answers with what is no image manifest (text/html)" in done.stderr
    assert recorded(state) == OLD


@pytest.mark.parametrize("command", ["status", "validate"])
def test_a_page_is_no_image_that_is_there(gitops: Gitops, images: Images, command: str) -> None:
    images.page = True

    assert gitops(command, "--images").code == 5


@pytest.mark.parametrize("command", ["status", "validate"])
def test_many_images_of_a_registry_without_tls_on_this_machine(
    gitops: Gitops, state: Path, images: Images, command: str
) -> None:
    more: dict[str, str | None] = {
        f"{DEV}/web{number}.deployment": f"{OLD}\n" for number in range(12)
    }
    add_commits(state, [Commit("more", more, 1_793_606_500)])
    images.tags = {OLD}

    gitops(command, "--images").ok()


def test_a_lock_refuses_before_anybody_waits(
    gitops: Gitops, state: Path, registry: Scripted
) -> None:
    lock: dict[str, str | None] = {f"{DEV}/web.lock": 'reason = "release week"\n'}
    add_commits(state, [Commit("lock", lock, 1_793_606_500)])

    done = gitops("set", f"web={NEW}", "-e", "dev", "--wait-image", "10m")

    assert (done.code, registry.requests) == (6, [])
    assert "release week" in done.stderr


def test_a_locked_service_that_gets_its_digest_back_is_no_change(
    gitops: Gitops, state: Path, images: Images
) -> None:
    images.tags = {NEW}
    files: dict[str, str | None] = {
        f"{DEV}/web.deployment": f"{NEW}@{DIGEST}\n",
        f"{DEV}/web.lock": 'reason = "release week"\n',
    }
    add_commits(state, [Commit("pin and lock", files, 1_793_606_500)])

    done = gitops("set", f"web={NEW}", "-e", "dev", "--pin", "-o", "json").ok()

    assert done.json()["changed"] is False


def test_promote_pins_what_it_shows(gitops: Gitops, state: Path, images: Images) -> None:
    images.tags = {NEW}
    gitops("set", f"web={NEW}", "-e", "dev").ok()

    done = gitops("promote", "web", "--to", "prod", "--from", "dev", "--pin", "--yes", "-o", "json")

    assert recorded(state, PROD) == f"{NEW}@{DIGEST}", str(done)
    [change] = done.ok().json()["changes"]
    assert change["to"] == f"{NEW}@{DIGEST}"


def test_promote_refuses_a_missing_image(gitops: Gitops, state: Path, images: Images) -> None:
    gitops("set", f"web={NEW}", "-e", "dev").ok()

    done = gitops("promote", "web", "--to", "prod", "--from", "dev", "--verify-image", "--yes")

    assert done.code == 6, str(done)
    assert recorded(state, PROD) == OLD


def test_a_promotion_again_with_pin_changes_nothing(
    gitops: Gitops, state: Path, images: Images
) -> None:
    images.tags = {NEW}
    gitops("set", f"web={NEW}", "-e", "dev").ok()
    promote = ("promote", "web", "--to", "prod", "--from", "dev", "--pin", "--yes", "-o", "json")
    gitops(*promote).ok()

    again = gitops(*promote).ok().json()

    assert again["changes"] == []
    assert [entry["service"] for entry in again["unchanged"]] == ["web"]


def test_a_stage_may_require_the_image(gitops: Gitops, state: Path, images: Images) -> None:
    team: dict[str, str | None] = {"gitops.toml": '[stage.production]\nrequire = ["image"]\n'}
    add_commits(state, [Commit("require the image", team, 1_793_606_500)])
    gitops("set", f"web={NEW}", "-e", "dev").ok()
    promote = ("promote", "web", "--to", "prod", "--from", "dev", "--yes")

    refused = gitops(*promote)
    images.tags = {NEW}
    gitops(*promote).ok()

    assert refused.code == 6
    assert "gitops.toml:2" in refused.stderr
    assert recorded(state, PROD) == NEW


def test_status_lists_recorded_versions_whose_image_is_gone(
    gitops: Gitops, registry: Scripted, images: Images
) -> None:
    done = gitops("status", "--images", "-o", "json")

    assert done.code == 1, str(done)
    check(done.json())
    assert [entry["environment"] for entry in done.json()["missing_images"]] == [DEV, PROD]
    assert done.json()["missing_images"][0]["image"] == f"{registry.address}/shop/web:{OLD}"
    assert len(registry.requests) == 1, "two environments record the same image"
    assert "Images that cannot be pulled" in gitops("status", "--images").stdout

    images.tags = {OLD}
    assert gitops("status", "--images").ok().stdout.endswith("all images are in their registry\n")


def test_status_asks_for_what_it_shows_only(gitops: Gitops, registry: Scripted) -> None:
    done = gitops("status", "--images", "-e", "prod", "-o", "json")

    assert [entry["environment"] for entry in done.json()["missing_images"]] == [PROD]


def test_status_does_not_take_silence_for_absence(gitops: Gitops, images: Images) -> None:
    images.down = True

    done = gitops("status", "--images", "-o", "json")

    assert done.code == 5
    assert "answered 500" in done.json()["missing_images"][0]["problem"]


def test_validate_finds_missing_images_with_their_lines(
    gitops: Gitops, images: Images, registry: Scripted
) -> None:
    gitops("validate").ok()

    done = gitops("validate", "--images")

    assert done.code == 1
    assert f"{DEV}/web.deployment:1: error: {registry.address}/shop/web:{OLD}" in done.stdout
    assert "[image-missing]" in done.stdout
    images.tags = {OLD}
    gitops("validate", "--images").ok()

"""Images that appear later, never, or are gone: what a real registry lets be recorded."""

from __future__ import annotations

import threading
import time

import pytest

from tests.node.company import DEV, PROD, Company
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.registry import OCI_INDEX

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]


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


def test_an_image_that_is_gone_is_found_and_not_promoted(docker_shop: Company) -> None:
    shop = docker_shop
    team: dict[str, str | None] = {"gitops.toml": '[stage.production]\nrequire = ["image"]\n'}
    add_commits(shop.state, [Commit("require the image", team, 1_793_606_500)])
    digest = shop.registry.push("shop/web", shop.head)
    shop.gitops("set", "-e", "dev", "--new", "--pin").ok()
    shop.gitops("status", "--images").ok()
    promote = ("promote", "web", "--from", "dev", "--to", "prod", "--yes")
    clone = shop.checkout.parent / "clone"
    git(shop.checkout.parent, "clone", "-q", shop.state, "clone")
    shop.gitops("-C", clone, "validate", "--images").ok()

    shop.registry.delete("shop/web", digest)

    status = shop.gitops("status", "--images", "-o", "json")
    [missing] = status.json()["missing_images"]
    assert (status.code, missing["environment"], missing["service"]) == (1, DEV, "web")
    validate = shop.gitops("-C", clone, "validate", "--images")
    assert (validate.code, "[image-missing]" in validate.stdout) == (1, True)
    refused = shop.gitops(*promote)
    assert (refused.code, "gitops.toml:2" in refused.stderr) == (6, True)
    assert git(shop.state, "ls-tree", "--name-only", "main", f"{PROD}/") == f"{PROD}/images_path"
    shop.registry.push("shop/web", shop.head)
    shop.gitops(*promote).ok()
    assert shop.recorded(PROD) == f"{shop.head}@{digest}"

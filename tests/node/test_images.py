"""Images that appear later, never, or are gone: what a real registry lets be recorded."""

from __future__ import annotations

import pytest

from tests.node.company import DEV, PROD, Company
from tests.testbed.git import Commit, add_commits, git
from tests.testbed.kube import PATIENCE
from tests.testbed.patience import eventually
from tests.testbed.registry import OCI_INDEX

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("engines")]


def test_an_image_that_appears_later_is_waited_for(docker_shop: Company) -> None:
    shop = docker_shop

    def asked() -> int:
        lines = shop.registry.log.read_text().splitlines()
        return sum(f"manifests/{shop.head} HTTP" in line for line in lines)

    early = shop.gitops("set", "-e", "dev", "--verify-image")
    eventually(asked)
    before = asked()

    with shop.gitops.start("set", "-e", "dev", "--wait-image", "1h", "--pin") as late:
        eventually(lambda: asked() >= before + 4)  # it asks again and again
        shop.registry.push("shop/web", shop.head, OCI_INDEX)
        assert late.wait(PATIENCE) == 0

    assert early.code == 6
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

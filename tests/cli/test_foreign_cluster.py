"""A cluster that answers with what no API server sends: one environment's error, and its code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.errors import ExitCode
from tests.fuzz.broken import a_few, jsons
from tests.testbed.foreign_api import FAILURE, ForeignApi, a_workload, foreign_api, listed
from tests.testbed.git import git
from tests.testbed.gitops import Gitops, Ran, gitops_with_home

HASH = "a" * 40
BAD, GOOD = "shop-dev", "shop-prod"
IMAGE = f"r.example.com/shop/web:{HASH}"
RIGHT = listed("Deployment", a_workload(BAD, "web", IMAGE))


class Shop(NamedTuple):
    """Two environments that are in sync, as far as the cluster can be understood."""

    gitops: Gitops
    api: ForeignApi

    def run(self, deployments: Any, *arguments: str) -> Ran:
        """Run a command while the LIST of Deployments of BAD is answered so."""
        self.api.answers.clear()
        self.api.on(f"{GOOD}/deployments", listed("Deployment", a_workload(GOOD, "web", IMAGE)))
        self.api.on(f"{BAD}/deployments", deployments)
        for space in (BAD, GOOD):
            self.api.on(f"/namespaces/{space}", {"metadata": {"name": space, "uid": "u"}})
        return self.gitops(*arguments)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    directory = tmp_path_factory.mktemp("shop")
    git(directory, "init", "-q", "state")
    state = directory / "state"
    (state / "gitops.toml").write_text('stages = ["dev", "prod"]\n')
    for space in (BAD, GOOD):
        (state / space).mkdir()
        (state / space / "images_path").write_text("r.example.com/shop/\n")
        (state / space / "web.deployment").write_text(f"{HASH}\n")
    git(state, "add", "-A")
    git(state, "commit", "-q", "-m", "Begin")
    kubeconfig: Path = directory / "kubeconfig"
    with foreign_api(kubeconfig) as api:
        gitops = gitops_with_home(directory / "home").at(state).using(KUBECONFIG=kubeconfig)
        yield Shop(gitops, api)


ITEM = a_workload(BAD, "web", IMAGE)
ANSWERS: dict[str, Any] = {
    "a failure that comes as a success": FAILURE,
    "items by number": {**RIGHT, "items": 7},
    "metadata as a text": listed("Deployment", {**ITEM, "metadata": "x"}),
    "null counts": listed("Deployment", {**ITEM, "spec": {**ITEM["spec"], "replicas": None}}),
    "a page": b"<html>log in</html>",
    "half an answer": json.dumps(RIGHT).encode()[:-40],
    "deep": b'{"kind":"DeploymentList","items":' + b"[" * 100_000,
    "half a character": json.dumps(listed("Deployment", {**ITEM, "kind": "\ud800"})).encode(),
    "nothing of a list": {},
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_diff_tells_of_the_other_environment(shop: Shop, answer: Any) -> None:
    done = shop.run(answer, "diff", "-o", "json")

    assert done.code == ExitCode.API, str(done)
    found = {each["name"]: each for each in done.json()["environments"]}
    assert [row["state"] for row in found[GOOD]["rows"]] == ["in-sync"]
    assert found[BAD]["rows"] == []
    [problem] = found[BAD]["problems"]
    assert f"cannot list deployments.apps in {BAD}" in problem["message"]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_sync_goes_on_with_the_other_environment(shop: Shop, answer: Any) -> None:
    done = shop.run(answer, "sync", "--all", "--no-wait", "-o", "json")

    assert done.code == ExitCode.API, str(done)
    found = {each["name"]: each for each in done.json()["environments"]}
    assert [row["action"] for row in found[GOOD]["services"]] == ["unchanged"]
    assert found[BAD]["services"] == []


@given(jsons(RIGHT))
@a_few()
def test_in_sync_is_what_runs_the_recorded_image(shop: Shop, body: bytes) -> None:
    done = shop.run(body, "diff", BAD, "-o", "json")

    assert done.code in (ExitCode.OK, ExitCode.NO, ExitCode.API, ExitCode.DENIED), str(done)
    if done.code == ExitCode.OK:
        items = json.loads(body.decode(errors="replace"), strict=False, parse_int=float)["items"]
        [web] = [item for item in items if item["metadata"]["name"] == "web"]
        assert IMAGE in [c["image"] for c in web["spec"]["template"]["spec"]["containers"]]


@given(st.sampled_from(["get", "status", "capture"]), jsons(RIGHT))
@a_few()
def test_no_command_is_surprised(shop: Shop, word: str, body: bytes) -> None:
    commands = {
        "get": ("sync", BAD, "--no-wait", "--dry-run=client"),
        "status": ("status", "--live"),
        "capture": ("capture", BAD, "--dry-run"),
    }
    done = shop.run(body, *commands[word])

    assert done.code not in (ExitCode.BUG, ExitCode.INTERRUPTED), str(done)
    assert "Traceback" not in done.stderr

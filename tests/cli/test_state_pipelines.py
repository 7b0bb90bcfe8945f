"""The state repository's own pipelines: what their jobs run is run, as their systems do it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gitops_cli.domain.recorded.blueprint import Pipelines
from gitops_cli.operations.recipes import state_pipelines
from tests.cli.company import DEV, PROD, STAGING
from tests.cli.hosted import PROPOSE, hosted
from tests.cli.live import NEW, OLD, Live
from tests.cli.test_proposals import BRANCH
from tests.forge.fakes import TOKEN, FakeForge, running_forge
from tests.registry.scripted import Reply
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

pytestmark = pytest.mark.sweep

ZEROS = "0" * 40
OF_A_REQUEST = (
    "Validate",
    "Plan a proposed promotion as it would be now",
    "Say it on the request",
)


class Said(NamedTuple):
    """How a script ended, and all it said."""

    code: int
    text: str


def github(name: str) -> Mapping[str, Any]:
    """Return the jobs of a workflow."""
    text = state_pipelines(Pipelines.GITHUB)[f".github/workflows/{name}.yml"]
    jobs: Mapping[str, Any] = yaml.safe_load(text)["jobs"]
    return jobs


def gitlab(path: str = ".gitlab-ci.yml") -> Mapping[str, Any]:
    jobs: Mapping[str, Any] = yaml.safe_load(state_pipelines(Pipelines.GITLAB)[path])
    return jobs


def run_github(gitops: Gitops, job: Mapping[str, Any], step: str, **known: str) -> Said:
    """Run one step; `known` is what its variables are made of: matrix_environment and so on."""
    [found] = [each for each in job["steps"] if each.get("name") == step]
    given = {
        name: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: known[m[1].replace(".", "_")], value)
        for name, value in found.get("env", {}).items()
    }
    assert "${{" not in found["run"], "nothing of others becomes a script"
    return _run(gitops, found["run"], {"GITHUB_ACTIONS": "true", **given})


def run_gitlab(gitops: Gitops, job: Mapping[str, Any], **variables: str) -> Said:
    """Run a job; its runner joins all lines into one script. Nothing is installed."""
    script = "\n".join(["set -eo pipefail", *job["script"]])
    return _run(gitops, script, {"GITLAB_CI": "true", **variables})


def _run(gitops: Gitops, script: str, variables: Mapping[str, str]) -> Said:
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=gitops.directory,
        env={**gitops.environment, "CI": "true", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout)


class Request(NamedTuple):
    """A promotion that is proposed, the checkout in which it is built, and how its jobs are run."""

    forge: FakeForge
    gitops: Gitops
    run: Callable[[], Sequence[Said]]

    @property
    def comments(self) -> list[str]:
        return [comment["body"] for comment in self.forge.requests[0]["comments"]]


def proposed(company: Article, gitops: Gitops, forge: FakeForge, **variables: str) -> Gitops:
    """Return the command in a checkout of the request, merged, as runners have it."""
    clone = hosted(company, forge)
    here = gitops.at(clone).using(**{**variables, "GITHUB_SERVER_URL": f"http://{forge.address}"})
    here("config", "set", f"forge.{forge.address}.kind", forge.kind).ok()
    here(*PROPOSE).ok()
    git(clone, "fetch", "-q", "origin")
    git(clone, "checkout", "-q", "--detach", "origin/main")
    git(clone, "merge", "-q", "--no-ff", "-m", "Merge 1 into 2", f"origin/{BRANCH}")
    return here


@pytest.fixture(params=["github", "gitlab"])
def proposal(request: pytest.FixtureRequest, company: Article, gitops: Gitops, tmp_path: Path):
    company.push(PROD, {"broken": "no hash"})
    with running_forge(request.param) as (forge, _):
        if request.param == "github":
            here = proposed(company, gitops, forge, GITHUB_TOKEN=TOKEN)
            here = here.using(
                GITHUB_REF="refs/pull/1/merge", GITHUB_STEP_SUMMARY=tmp_path / "summary"
            )
            job = github("validate")["validate"]

            def run() -> Sequence[Said]:
                done = [run_github(here, job, step, github_token=TOKEN) for step in OF_A_REQUEST]
                assert done[2].code == 0, done[2].text
                return done[0], Said(done[1].code, done[1].text + done[2].text)
        else:
            server = {"CI_SERVER_URL": f"http://{forge.address}", "GITLAB_TOKEN": TOKEN}
            here = proposed(company, gitops, forge, **server).using(
                CI_MERGE_REQUEST_IID="1", CI_MERGE_REQUEST_PROJECT_ID="7", CI_PROJECT_ID="7"
            )
            head = git(here.directory, "rev-parse", "HEAD^2")
            built = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head, "CI_COMMIT_SHA": "HEAD"}

            def run() -> Sequence[Said]:
                return [run_gitlab(here, gitlab()[job], **built) for job in ("validate", "plan")]

        yield Request(forge, here, run)


def test_a_request_has_a_comment_of_findings_and_one_of_its_plan_changed_in_place(
    proposal: Request, company: Article
) -> None:
    first = proposal.run()
    findings, plan = proposal.comments
    git(proposal.gitops.directory, "checkout", "-q", "main")
    proposal.gitops("lock", "authentication", "-e", PROD, "-m", "fair").ok()
    git(proposal.gitops.directory, "checkout", "-q", "--detach", "@{-1}")
    again = proposal.run()

    assert f"{PROD}/broken.deployment" in findings
    assert "::error" not in findings
    assert f"### Promote from {STAGING} to {PROD}" in plan
    assert company.recorded(STAGING)["authentication"][:7] in plan
    assert first[1].code == 0, first[1].text
    assert again[1].code == 6, again[1].text
    assert proposal.comments[0] == findings
    assert "is locked by" in proposal.comments[1]
    assert len(proposal.comments) == 2


def test_who_may_not_comment_says_so_and_fails_for_nothing_else(proposal: Request) -> None:
    forge = proposal.forge
    forge.before = lambda method, path: Reply(403) if method == "POST" else None

    say, plan = proposal.run()

    assert proposal.comments == []
    assert plan.code == 0, plan.text
    assert say.code == 1, "the findings are errors"
    assert (say.text + plan.text).count("omment was written") == 2
    assert TOKEN not in say.text + plan.text


def test_a_forks_pipeline_at_gitlab_touches_no_request_of_its_own_project(
    company: Article, gitops: Gitops
) -> None:
    fork = {"CI_MERGE_REQUEST_IID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "7", "CI_PROJECT_ID": "8"}
    here = gitops.at(company.clone())

    said = run_gitlab(here, gitlab()["validate"], **fork)

    assert said.code == 0, said.text
    assert "a fork's: no comment" in said.text


CHANGES = [
    ({PROD: {"billing": OLD}}, [PROD]),
    ({PROD: {"billing": OLD}, DEV: {"billing": NEW}}, [DEV, PROD]),
    ({"1e3": {"billing": NEW}}, ["1e3"]),  # a number, to YAML
    ({}, []),
]


@pytest.mark.parametrize(("changes", "wanted"), CHANGES)
def test_the_environments_that_changed_are_those_that_are_deployed(
    changes, wanted, company: Article, clone: Gitops, tmp_path: Path
) -> None:
    before = git(company.remote, "rev-parse", "main")
    for environment, versions in changes.items():
        company.push(environment, versions)
    output = tmp_path / "output"
    here = clone.using(GITHUB_OUTPUT=output)

    step = "Find the environments that changed"
    done = run_github(here, github("deploy")["changed"], step, github_event_before=before)
    said = run_gitlab(here, gitlab()["environments"], CI_COMMIT_BEFORE_SHA=before)

    assert done.code == 0, done.text
    assert json.loads(output.read_text().removeprefix("environments=")) == wanted
    assert said.code == 0, said.text
    jobs = yaml.safe_load((here.directory / "jobs.yml").read_text())
    assert jobs == (
        {
            f"deploy {name}": {"extends": ".deploy", "variables": {"ENVIRONMENT": name}}
            for name in wanted
        }
        or {"nothing changed": {"script": ["echo done"]}}
    )


def test_a_deployment_brings_its_environment_to_the_cluster(behind: Live, tmp_path: Path) -> None:
    kubeconfig = Path(behind.gitops.environment["KUBECONFIG"])
    here = behind.gitops.using(KUBECONFIG=None, RUNNER_TEMP=tmp_path)
    secret = {"secrets_KUBECONFIG": kubeconfig.read_text()}

    done = run_github(
        here, github("deploy")["deploy"], "Sync", matrix_environment=behind.namespace, **secret
    )
    assert done.code == 0, done.text
    assert behind.image_of("web").endswith(NEW)
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600

    behind.record({"web.deployment": OLD})
    where = {"ENVIRONMENT": behind.namespace, "KUBECONFIG": str(kubeconfig)}
    said = run_gitlab(behind.gitops, gitlab(".gitlab/deploy.yml")[".deploy"], **where)
    assert said.code == 0, said.text
    assert behind.image_of("web").endswith(OLD)

    compared = run_gitlab(behind.gitops, gitlab()["drift"])
    assert compared.code == 0, compared.text
    behind.record({"web.deployment": NEW})
    for said in (
        run_github(here, github("drift")["drift"], "Compare", **secret),
        run_gitlab(behind.gitops, gitlab()["drift"]),
    ):
        assert said.code == 1, said.text
    assert "differs" in (here.directory / "drift.html").read_text()


def test_deployments_are_the_forges_own_with_name_and_page() -> None:
    job = github("deploy")["deploy"]
    assert job["environment"]["name"] == "${{ matrix.environment }}"
    assert job["environment"]["url"].endswith("/tree/${{ github.sha }}/${{ matrix.environment }}")
    assert job["permissions"] == {"contents": "read"}, "no token of ours makes them"

    assert gitlab(".gitlab/deploy.yml")[".deploy"]["environment"] == {
        "name": "$ENVIRONMENT",
        "url": "$CI_PROJECT_URL/-/tree/$CI_COMMIT_SHA/$ENVIRONMENT",
        "action": "start",
    }


def test_the_first_push_of_a_branch_deploys_all(company: Article, clone: Gitops) -> None:
    said = run_gitlab(clone, gitlab()["environments"], CI_COMMIT_BEFORE_SHA=ZEROS)

    assert said.text.count("extends: .deploy") == len(company.environments)

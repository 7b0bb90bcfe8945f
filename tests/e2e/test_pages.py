"""The commands of the pages for people in a hurry, or new, work as they stand there.

Four newcomers: at a laptop (README.md: test_readme.py), with a pipeline, on call, and with a
cluster that runs already.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import GITHUB
from tests.e2e.pages import KUBECTL, YES, Page, Scene
from tests.render.test_ci import read_github
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

BASELINE = "tests/cli/test_diff_baseline.py"
RUNBOOK = Page(
    "docs/runbook.md",
    scenes={
        "gitops doctor": Scene(shows="git"),
        "gitops diff prod": Scene(shows="in sync"),
        'gitops rollback billing -e prod --hold -m "errors at login" --sync --wait': Scene(
            answers=YES, shows="hold"
        ),
        'gitops rollback --all -e prod --to 2h -m "incident 42" --sync --wait': Scene(
            answers=YES, shows="authentication"
        ),
        'gitops lock prod -m "incident 42" --until 2h': Scene(shows="locked"),
        "gitops unlock prod": Scene(shows="unlocked"),
        "gitops agent status prod": Scene(code=1, shows="missing"),
        "gitops unlock billing -e prod": Scene(shows="unlocked"),
    },
    elsewhere={
        "gitops exec billing -e prod": "nothing runs there: tests/node/test_release_to_node.py",
        "gitops watch prod": "ends when it is told to: tests/cli/test_watch.py",
        "kubectl -n project1-production patch cronjob gitops-agent "
        """-p '{"spec":{"suspend":true}}'""": KUBECTL,
        "gitops agent key project1-production": "tests/agent/test_commands.py",
        "gitops agent install project1-production": "tests/agent/test_install.py",
    },
    placeholders={"ENV": "project1-production"},
)
HERE = "adopted"
HELM = "takes over what helm installed: tests/node/test_helm_and_kustomize.py"
ADOPTING = Page(
    "docs/adopting.md",
    scenes={
        "gitops init adopted --project project1 --stage staging --stage production "
        "--images-path registry.example.com/project1/": Scene(".", shows="Made adopted"),
        "git remote add origin URL": Scene(HERE),
        "git push -u origin main": Scene(HERE),
        "gitops capture project1-production --dry-run": Scene(HERE, shows="billing"),
        "gitops capture project1-production": Scene(HERE, shows="recorded 4 services"),
        "gitops capture project1-staging": Scene(HERE, shows="recorded 4 services"),
        "gitops diff": Scene(HERE, shows="in sync: 8 containers"),
        "gitops validate": Scene(HERE, shows="no findings"),
        "gitops status": Scene(HERE, shows="PRODUCTION vs STAGING"),
        "gitops promote --all --from staging --to production --sync --wait": Scene(
            HERE, answers=YES, shows="patched"
        ),
        'gitops rollback --all -e production --sync --wait -m "it was a rehearsal"': Scene(
            HERE, answers=YES, shows="patched"
        ),
    },
    elsewhere={
        "gitops sync ENV --wait": "as in the README: tests/e2e/test_readme.py",
        "gitops capture ENV --manifests": HELM,
        "gitops diff ENV": HELM,
        "gitops sync ENV --dry-run=server": HELM,
        "gitops sync ENV": HELM,
        "gitops sync ENV --take-ownership": "tests/cli/test_manifests_others.py",
        "kubectl delete secret -l owner=helm,name=RELEASE -n ENV": HELM,
        "gitops set -e dev": "tests/e2e/test_readme.py",
        "gitops set -e dev --sync --wait": "tests/cli/test_arrival.py",
        "gitops agent install ENV": "tests/agent/test_install.py",
        "gitops wait ENV": "tests/cli/test_wait.py",
        "gitops agent install ENV --allowed-signers FILE": "tests/agent/test_install.py",
        "gitops init --ci github": "tests/cli/test_recipes.py",
    },
    placeholders={"URL": "../adopted.git"},
)
CI = Page(
    "docs/ci.md",
    scenes={
        "gitops set -e dev": Scene("checkout", shows="project1-development: authentication"),
        "gitops set -e dev --new": Scene("checkout", shows="nothing to do: authentication"),
        "gitops promote billing --from dev --to staging --yes": Scene(
            "checkout", shows="project1-staging: billing"
        ),
        "gitops sync project1-staging --wait": Scene("checkout", shows="ready"),
        "gitops wait project1-staging --timeout 5m": Scene("checkout", shows="ready"),
        "gitops diff project1-staging": Scene("checkout", shows="in sync"),
        "gitops validate --strict": Scene("checkout", shows="no findings"),
    },
    elsewhere={
        "gitops diff -o html > drift.html": "tests/cli/test_state_pipelines.py",
        "gitops diff --baseline drift.json --write-baseline": BASELINE,
        "gitops diff --baseline drift.json": BASELINE,
        "gitops init --ci github": "tests/cli/test_init.py",
        "gitops env list --changed-since REV -o name": "tests/cli/test_state_pipelines.py",
        "gitops pr plan REV -o markdown | gitops pr comment 17 --name plan": (
            "tests/cli/test_state_pipelines.py"
        ),
        "gitops sync ENV --wait": "is run above",
        "gitops wait ENV --commit SHA": "tests/cli/test_wait.py",
    },
    placeholders={},
)
ENVIRONMENTS = Page(
    "docs/environments.md",
    scenes={
        "gitops env list": Scene(shows="project1-production"),
        "gitops env show prod": Scene(shows="authentication"),
    },
    elsewhere={
        "gitops env add shop-qa --images-path …": "is no whole command",
        "kubectl create namespace shop-testing": KUBECTL,
        "kubectl delete namespace shop-qa": KUBECTL,
        **dict.fromkeys(
            (
                "gitops env copy shop-staging shop-qa",
                "gitops env rename shop-qa shop-testing",
                "gitops env remove shop-qa",
                "gitops diff shop-qa",
                "gitops sync shop-qa",
                "gitops agent install shop-qa",
                "gitops agent uninstall shop-qa",
                "gitops agent install shop-testing",
                "gitops diff shop-testing",
                "gitops sync shop-testing --wait",
            ),
            "of a project that the sandbox has not: tests/cli/test_env.py, "
            "tests/cli/test_env_move.py, tests/agent/test_install.py",
        ),
    },
    placeholders={},
)
PAGES = [RUNBOOK, ADOPTING, CI, ENVIRONMENTS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_command_is_run_here_or_elsewhere_for_a_reason(page: Page) -> None:
    page.check_reasons()


@pytest.mark.sweep
def test_the_runbooks_commands_work(user: Gitops) -> None:
    on_call = user.at(user.directory / "environments-state")
    on_call("promote", "--all", "--from", "dev", "--to", "prod", "--sync", "--wait", "--yes").ok()
    RUNBOOK.play(user)


@pytest.mark.sweep
def test_a_pipeline_brings_a_build_to_the_next_stage(user: Gitops, tmp_path: Path) -> None:
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    CI.play(user.using(**GITHUB, **files))

    outputs = read_github((tmp_path / "output").read_text())
    assert (outputs["in_sync"], outputs["failed"]) == ("true", "")
    summary = (tmp_path / "summary").read_text()
    assert "### Record in project1-development" in summary
    assert "### Promote from project1-development to project1-staging" in summary


@pytest.mark.sweep
def test_the_commands_about_environments_work(user: Gitops) -> None:
    ENVIRONMENTS.play(user)


@pytest.mark.sweep
def test_a_running_cluster_is_adopted_as_the_page_says(user: Gitops) -> None:
    git(user.directory, "init", "-q", "--bare", "adopted.git")
    ADOPTING.play(user.using(GITOPS_PROJECT=None))

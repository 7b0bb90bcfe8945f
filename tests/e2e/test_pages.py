"""The commands of the pages for people in a hurry, or new, work as they stand there."""

from __future__ import annotations

import pytest

from tests.e2e.pages import YES, Page, Scene
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

RUNBOOK = Page(
    "docs/runbook.md",
    scenes={
        "gitops diff prod": Scene(shows="in-sync"),
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
        """-p '{"spec":{"suspend":true}}'""": "tests/agent/test_commands.py",
        "gitops capture ENV --manifests": "would write into the story: tests/cli/test_capture.py",
        "kubectl apply": "is no whole command",
        "gitops agent key project1-production": "tests/agent/test_commands.py",
        "gitops agent install project1-production": "tests/agent/test_install.py",
    },
    placeholders={"ENV": "project1-production"},
)
HERE = "adopted"
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
        "gitops set -e dev": "tests/e2e/test_readme.py",
        "gitops set -e dev --sync --wait": "tests/cli/test_arrival.py",
        "gitops agent install ENV": "tests/agent/test_install.py",
        "gitops wait ENV": "tests/cli/test_wait.py",
        "gitops agent install ENV --allowed-signers FILE": "tests/agent/test_install.py",
        "gitops init --ci github": "tests/cli/test_recipes.py",
        "gitops set": "is no whole command",
        "gitops sync": "is shown for its name",
        "gitops history": "is shown for its name",
        "gitops rollback": "is shown for its name",
        "kubectl set image": "is no whole command",
    },
    placeholders={"URL": "../adopted.git"},
)
PAGES = [RUNBOOK, ADOPTING]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_command_is_run_here_or_elsewhere_for_a_reason(page: Page) -> None:
    page.check_reasons()


def test_the_runbooks_commands_work(user: Gitops) -> None:
    on_call = user.at(user.directory / "environments-state")
    on_call("promote", "--all", "--from", "dev", "--to", "prod", "--sync", "--wait", "--yes").ok()
    RUNBOOK.play(user)


def test_a_running_cluster_is_adopted_as_the_page_says(user: Gitops) -> None:
    git(user.directory, "init", "-q", "--bare", "adopted.git")
    ADOPTING.play(user.using(GITOPS_PROJECT=None))

"""The commands of the pages for people in a hurry, or new, work as they stand there."""

from __future__ import annotations

import pytest

from tests.e2e.pages import YES, Page, Scene
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
        "gitops watch prod": "ends when it is told to: tests/cli/test_watch.py",
        "kubectl -n project1-production patch cronjob gitops-agent "
        """-p '{"spec":{"suspend":true}}'""": "tests/agent/test_commands.py",
        "gitops capture ENV --manifests": "the sandbox has no Ingresses: tests/cli/test_capture.py",
        "kubectl apply": "is no whole command",
        "gitops agent key project1-production": "tests/agent/test_commands.py",
        "gitops agent install project1-production": "tests/agent/test_install.py",
    },
    placeholders={"ENV": "project1-production"},
)
PAGES = [RUNBOOK]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_command_is_run_here_or_elsewhere_for_a_reason(page: Page) -> None:
    page.check_reasons()


def test_the_runbooks_commands_work(user: Gitops) -> None:
    on_call = user.at(user.directory / "environments-state")
    on_call("promote", "--all", "--from", "dev", "--to", "prod", "--sync", "--wait", "--yes").ok()
    RUNBOOK.play(user)

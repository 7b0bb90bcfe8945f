"""Every command that README.md shows works, typed as it stands there on a terminal."""

from __future__ import annotations

import re

import pytest

from tests.e2e.pages import ROOT, YES, Page, Scene
from tests.testbed.gitops import Gitops

# What is more than run in a clone of the state repository to a good end.
SCENES = {
    "gitops promote authentication --from dev --to prod": Scene(answers=YES, shows="→"),
    "gitops diff project1-production": Scene(code=1, shows="differs"),
    "gitops sync": Scene(answers=YES, shows="patched"),
    "gitops init": Scene(
        "empty", answers=(("Projects", "project1"), ("Where", "registry.example.com/"))
    ),
    "gitops set -e dev": Scene("checkout", shows="project1-development: authentication"),
    "gitops set -e dev --new": Scene("checkout", shows="authentication"),
    "gitops status": Scene(shows="authentication"),
    "gitops promote authentication --to prod": Scene(answers=YES),
    "gitops sync project1-production --wait": Scene(shows="ready"),
    'gitops rollback authentication -e prod --hold -m "errors at login"': Scene(answers=YES),
    "gitops history authentication -e prod": Scene(shows="errors at login"),
    "gitops validate": Scene(shows="no findings"),
}
# What is not run here: the test that does, or the reason.
ELSEWHERE = {
    "make demo": "tests/cli/test_demo.py",
    "make test": "runs this",
    "gitops demo --context kind-kind": "tests/cli/test_demo.py",
    "gitops --install-completion": "writes to the shell's own files; tests/cli/test_completion.py",
    "pipx install .": "asks the package index for what it depends on",
    "pipx install '.[sandbox]'": "asks the package index for what it depends on",
    "kubectl gitops …": "is no whole command",
}
README = Page("README.md", SCENES, ELSEWHERE, {"ENV": "project1-staging"})


def test_every_command_is_run_here_or_elsewhere_for_a_reason() -> None:
    README.check_reasons()
    assert len(set(README.shown()) - set(ELSEWHERE)) >= 10


def test_the_commands_work(user: Gitops) -> None:
    README.play(user)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README.text))
def test_what_it_links_to_is_there(link: str) -> None:
    assert (ROOT / link).exists()

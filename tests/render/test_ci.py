"""Outputs for CI systems: each in its own form, and none forges another."""

from __future__ import annotations

import pytest

from gitops_cli.domain.help_topics import VARIABLES
from gitops_cli.render.ci import (
    MOST_BYTES,
    PREFIX,
    azure_commands,
    dotenv,
    github_outputs,
    outputs_of,
    teamcity_commands,
)
from gitops_cli.render.view import View

FORGED = "x\nchanged=true\r\nD\nGITOPS_RESULT_B=1\n##vso[task.complete]\n##teamcity[x]'|]"


def read_github(text: str) -> dict[str, str]:
    """Return what the runner reads: https://docs.github.com/actions, environment files."""
    found, lines = {}, text.split("\n")
    while lines:
        line = lines.pop(0)
        name, between, delimiter = line.partition("<<")
        if between and "=" not in name:
            end = lines.index(delimiter)
            found[name], lines = "\n".join(lines[:end]), lines[end + 1 :]
        elif line:
            name, _, found[line.partition("=")[0]] = line.partition("=")
    return found


def test_githubs_outputs_are_read_back_whole() -> None:
    outputs = {"commit": "c0ffee", "why": "two\nlines", "b": FORGED, "empty": ""}

    assert read_github(github_outputs(outputs, "D8f1")) == outputs
    assert github_outputs({"commit": "c0ffee"}, "D").startswith("commit=c0ffee\n")


def test_a_dotenv_report_has_a_line_for_each_value() -> None:
    lines = dotenv({"commit": "c0ffee", "b": FORGED}).splitlines()

    assert lines[0] == "GITOPS_RESULT_COMMIT=c0ffee"
    assert len(lines) == 2
    assert lines[1].startswith("GITOPS_RESULT_B=x changed=true")


def test_a_dotenv_report_stays_as_small_as_gitlab_wants_it() -> None:
    text = dotenv({"services": "service " * 1000, "commit": "c0ffee", "changed": "true"})

    assert text == "GITOPS_RESULT_CHANGED=true\nGITOPS_RESULT_COMMIT=c0ffee\n"
    assert len(text) <= MOST_BYTES


def test_no_job_that_follows_inherits_a_variable_of_ours() -> None:
    assert not any(name.startswith(PREFIX) for name in VARIABLES)


@pytest.mark.parametrize("commands", [azure_commands, teamcity_commands])
def test_a_command_is_one_line_and_holds_no_other(commands) -> None:  # type: ignore[no-untyped-def]
    [line] = commands({"b": FORGED})

    assert "\n" not in line
    assert "\r" not in line
    assert line.count("##vso[") + line.count("##teamcity[") == 1
    assert line.startswith("##")


def test_azure_and_teamcity_as_their_pages_say() -> None:
    assert [*azure_commands({"commit": "50%\n"})] == [
        "##vso[task.setvariable variable=gitops_commit;isOutput=true]50%AZP25%0A"
    ]
    assert [*teamcity_commands({"commit": "it's [1|2]"})] == [
        "##teamcity[setParameter name='gitops.commit' value='it|'s |[1||2|]']"
    ]


def test_other_results_have_no_outputs() -> None:
    assert outputs_of(View("status", {})) == {}

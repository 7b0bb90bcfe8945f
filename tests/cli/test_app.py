"""The table of commands and the commands themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from gitops_cli.cli.app import COMMANDS, Commands, app, load
from tests.cli.company import DEV


@pytest.mark.parametrize("name", COMMANDS)
def test_an_entry_says_what_its_command_says(name):
    _, _, line = COMMANDS[name]

    loaded = load(name)

    assert loaded.name == name
    assert (loaded.help or "").split("\n")[0] == line


def test_help_imports_no_command():
    code = (
        "import sys\nfrom gitops_cli.cli.app import app\n"
        "try: app(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = {name for name in done.stderr.split() if name.startswith("gitops_cli")}
    parts = {f"gitops_cli.cli.{name}" for name in ("aliases", "app", "parsing", "streams")}
    assert loaded == {"gitops_cli", "gitops_cli.cli", *parts}
    assert all(name in done.stdout for name, (_, panel, _) in COMMANDS.items() if panel)


def test_a_mistyped_command_is_suggested(gitops):
    done = gitops("promot")

    assert done.code == 2
    assert "promote" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_do_no_harm(gitops, closed):
    shell = ["sh", "-c", f'exec "$0" -m gitops_cli version {closed}', sys.executable]
    done = subprocess.run(
        shell, env=gitops.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ("gitops" in done.stdout) == (closed == "2>&-")


@pytest.mark.parametrize("command", ["diff", "sync", "watch", "wait"])
def test_env_names_environments_where_they_are_arguments_too(clone, command):
    as_argument, as_option = clone(command, "nope"), clone(command, "-e", "nope")

    assert (as_option.code, as_option.stderr) == (as_argument.code, as_argument.stderr)
    assert "no environment or stage `nope`" in as_option.stderr


@pytest.mark.parametrize("command", ["diff", "sync"])
def test_a_past_state_can_be_said_by_its_age(clone, command):
    done = clone(command, "nope", "--at", "1m")

    assert "no environment or stage `nope`" in done.stderr


def test_options_of_every_command_may_stand_before_it(clone):
    assert clone("-o", "json", "-q", "-v", "status").ok().json()["kind"] == "status"
    assert clone("-o", "json", "status", "-o", "yaml").ok().stdout.startswith("apiVersion: ")
    assert "--offline cannot write" in clone("--offline", "lock", "-e", DEV, "-m", "x").stderr
    wrong = clone("-o", "xml", "status")
    assert wrong.code == 2
    assert (
        "`xml` is not one of `table`, `wide`, `json`, `yaml`, `jsonl`, `csv`, `name`, `markdown`, "
        "`html`" in wrong.stderr
    )


def test_the_list_of_commands_examines_no_function() -> None:
    listed = typer.main.get_command(app)
    assert isinstance(listed, Commands)
    assert list(listed.commands) == list(COMMANDS)
    assert not any(command.params or command.callback for command in listed.commands.values())

"""One cheap call of every command: what the tests that go through all of them run.

On the article's repository, without a cluster, and changing nothing. A new command has its row here
(docs/contributing/adding-a-command.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gitops_cli.cli.app import COMMANDS, load
from tests.cli.company import DEV, PROD, STAGING

NOWHERE = "/proc/no/such/place"


class Call(NamedTuple):
    """How a command is called, and the kind of its document; None: it shows others' documents."""

    kind: str | None
    arguments: tuple[str, ...] = ()


CALLS: Mapping[str, Call] = {
    "demo": Call(None, ("--context", "nowhere", "--no-pause")),
    "sandbox up": Call("sandbox", ("--dir", NOWHERE)),
    "sandbox down": Call("sandbox", ("--dir", NOWHERE)),
    "sandbox env": Call("sandbox", ("--dir", NOWHERE)),
    "init": Call("init", (NOWHERE, "--project", "x", "--images-path", "r.example.com/x/")),
    "env list": Call("environments"),
    "env show": Call("environment-details", (DEV,)),
    "env rename": Call("environment-rename", (DEV, "project1-qa", "--dry-run")),
    "env remove": Call("environment-removal", (DEV, "--dry-run")),
    "env add": Call(
        "environment", ("project1-qa", "--images-path", "r.example.com/x/", "--dry-run")
    ),
    "env copy": Call("environment", (DEV, "project1-qa", "--dry-run")),
    "set": Call("recording", (f"billing={'ab' * 20}", "-e", DEV, "--dry-run")),
    "release": Call("release", ("billing", "-e", DEV, "--dry-run")),
    "promote": Call("promotion", ("billing", "--from", DEV, "--to", STAGING, "--dry-run")),
    "rollback": Call("rollback", ("billing", "-e", PROD, "--dry-run")),
    "remove": Call("removal", ("billing", "-e", DEV, "--dry-run")),
    "rename": Call("rename", ("billing", "invoices", "--dry-run")),
    "approve": Call("approval", ("billing", "-e", STAGING, "--dry-run")),
    "pr list": Call("requests"),
    "pr status": Call("request", ("12",)),
    "pr comment": Call("comment", ("12",)),
    "pr plan": Call("promotion"),
    "pr merge": Call("request", ("12",)),
    "pr close": Call("request", ("12",)),
    "trust": Call("trusted", ("--list",)),
    "lock": Call("lock", ("billing", "-e", DEV, "-m", "größer", "--dry-run")),
    "unlock": Call("lock", ("billing", "-e", DEV, "--dry-run")),
    "status": Call("status"),
    "history": Call("history", ("-n", "3")),
    "log": Call("history", ("-o", "json")),
    "report": Call("report", ("--since", "2026-01-01")),
    "browse": Call("page", ("billing", "-e", PROD)),
    "diff": Call("diff", (DEV,)),
    "sync": Call("sync", (DEV, "--dry-run")),
    "wait": Call("wait", (DEV, "--timeout", "1s")),
    "logs": Call("logs", ("billing", "-e", DEV)),
    "exec": Call(None, ("billing", "-e", DEV, "--", "true")),
    "restore": Call("restore-check", (DEV, "--check")),
    "capture": Call("capture", (DEV, "--dry-run")),
    "watch": Call("watch", (DEV, "--timeout", "1s")),
    "agent key": Call("agent-key", (DEV, "--known-hosts", "/dev/null")),
    "agent manifests": Call(
        "agent-manifests", (DEV, "--agent-repo", "https://git.example.com/state")
    ),
    "agent install": Call("agent-plan", (DEV, "--dry-run")),
    "agent status": Call("agent-status"),
    "agent run": Call("agent-run", ("-e", DEV)),
    "agent uninstall": Call("agent-plan", (DEV, "--dry-run")),
    "metrics": Call("metrics", (DEV,)),
    "validate": Call("validation"),
    "lint": Call("validation", ("-o", "yaml")),
    "config list": Call("settings", ("--show-origin",)),
    "config get": Call("setting", ("output",)),
    "config set": Call("setting", ("output", "wide", "--dry-run")),
    "config unset": Call("setting", ("output", "--dry-run")),
    "config edit": Call("setting-file"),
    "doctor": Call("doctor"),
    "help": Call("topics", ("exit-codes",)),
    "version": Call("version"),
}


def call_of(command: str) -> Call:
    """Return the call of a command; a row that is missing is told in words."""
    assert command in CALLS, f"CALLS in {__file__} needs a row for: {command}"
    return CALLS[command]


def leaves() -> Iterator[str]:
    """Yield the name of every command that does something."""
    for name in COMMANDS:
        loaded = load(name)
        for sub in getattr(loaded, "commands", None) or [""]:
            yield f"{name} {sub}".rstrip()


def test_every_command_has_a_call() -> None:
    there = set(leaves())
    missing, gone = sorted(there - CALLS.keys()), sorted(CALLS.keys() - there)
    assert not missing, f"CALLS in {__file__} needs a row for: {', '.join(missing)}"
    assert not gone, f"CALLS in {__file__} has rows for commands that are gone: {', '.join(gone)}"

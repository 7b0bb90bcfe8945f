"""What cannot be told of a write is refused before it; what is no config is not read for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.company import DEV, STAGING, tip
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

WRITES = {
    "set": ("set", f"billing={'ab' * 20}", "-e", DEV),
    "promote": ("promote", "billing", "--from", DEV, "--to", STAGING, "--yes"),
    "remove": ("remove", "billing", "-e", DEV, "--yes"),
    "lock": ("lock", "billing", "-e", DEV, "-m", "audit"),
    "rename": ("rename", "billing", "invoices", "-e", DEV, "--yes"),
    "env add": ("env", "add", "project1-qa", "--images-path", "r.example.com/x/"),
    "env remove": ("env", "remove", DEV, "--confirm", DEV),
    "env copy": ("env", "copy", DEV, "project1-qa", "--yes"),
}


@pytest.mark.parametrize("command", WRITES)
def test_a_query_that_cannot_take_the_document_writes_nothing(
    company: Article, clone: Gitops, command: str
) -> None:
    before = tip(company)

    done = clone(*WRITES[command], "--query", "abs(commit)")

    assert done.code == 2, str(done)
    assert "error: --query: " in done.stderr
    assert tip(company) == before
    assert clone(*WRITES[command], "--query", "starts_with(commit, 'x')").ok().stdout == "false\n"
    assert tip(company) != before


@pytest.mark.parametrize("what", ["pipe", "device", "huge", "directory"])
def test_a_config_that_is_none_is_one_error(gitops: Gitops, clone: Gitops, what: str) -> None:
    file = Path(gitops.environment["XDG_CONFIG_HOME"], "gitops/config.toml")
    file.parent.mkdir()
    match what:
        case "pipe":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "huge":
            file.write_text("#" * 1_000_001)
        case "directory":
            file.mkdir()

    done = clone("status")

    assert done.code == 2, str(done)
    assert f"error: {file}: " in done.stderr

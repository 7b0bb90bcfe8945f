"""stdout and stderr as a terminal, as a pipe, and without a reader."""

from __future__ import annotations

import re

import pytest

from tests.cli.company import DEV, tip
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def here(gitops: Gitops, article: Article) -> Gitops:
    return gitops.at(article.clone())


def test_a_pipe_gets_plain_text_and_colour_only_where_it_is_forced(here: Gitops) -> None:
    plain = here("status").ok().stdout
    forced = here.using(FORCE_COLOR="1", COLUMNS="200")("status").ok().stdout

    assert "\x1b" not in plain
    assert ANSI.search(forced)
    assert _words(ANSI.sub("", forced)) == _words(plain)


def test_a_terminal_gets_colour_unless_told_otherwise(here: Gitops) -> None:
    with here.terminal("status") as coloured:
        assert coloured.finish() == 0
        assert ANSI.search(coloured.transcript)
    with here.using(NO_COLOR="1").terminal("status") as plain:
        assert plain.finish() == 0
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.transcript)
    with here.using(TTY_COMPATIBLE="0").terminal("status") as incapable:
        assert incapable.finish() == 0
        assert "\x1b" not in incapable.transcript


def test_a_write_goes_on_though_nobody_reads_what_is_said(clone: Gitops, company: Article) -> None:
    before = tip(company)
    with clone.start("set", f"billing={'ab' * 20}", "-e", DEV) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()
        assert process.wait(60) == 0

    assert tip(company) != before


def _words(text: str) -> list[str]:
    return text.split()

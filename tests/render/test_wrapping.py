"""Sentences on a narrow terminal: broken at words, and what is copied from them is whole."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gitops_cli.render.wrapping import INDENT, words, wrapped

HASH = "dead0cc71c376136bb8d52b3a0505917ba5b00d4"
PATH = "/home/ada/.config/gitops/a-directory-with-a-long-name/config.toml"
COMMAND = "gitops rollback authentication -e project1-production --commit 4c43182"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHfooooooooooooooooooooooo gitops-agent@project1"


def drawn(text: str, width: int = 60) -> list[str]:
    return list(wrapped(text, width))


def test_what_fits_is_as_it_is() -> None:
    assert drawn("  a  line  as it is ") == ["  a  line  as it is "]
    assert drawn("") == [""]


def test_a_sentence_wraps_at_words_and_goes_on_indented() -> None:
    assert drawn(
        "error: project1-production is locked by Ada Example since 2 h, for the release"
    ) == [
        "error: project1-production is locked by Ada Example since 2",
        "  h, for the release",
    ]


def test_each_line_of_several_keeps_its_margin() -> None:
    assert drawn("one\n    two three four five six seven", 20) == [
        "one",
        "    two three four",
        "      five six seven",
    ]


@pytest.mark.parametrize(
    "whole",
    [
        HASH,
        PATH,
        f"`{COMMAND}`",
        f"(`{COMMAND}`),",
        "https://gitlab.example.com/shop/environments-state/-/merge_requests/12",
    ],
)
def test_what_is_copied_is_never_broken(whole: str) -> None:
    lines = drawn(f"error: it is not as it should be: {whole} and so it cannot go on from there")

    assert any(whole in line for line in lines)
    assert all(len(line) <= 60 or whole in line for line in lines)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (f"hint: {COMMAND}", COMMAND),
        (f"the same without questions: {COMMAND}", COMMAND),
        (
            f"no shell in the image? kubectl debug -it {HASH} -- sh",
            f"kubectl debug -it {HASH} -- sh",
        ),
        (
            f"hint: is it right? Then: git push -f origin {HASH}:main; or look at it once more",
            f"git push -f origin {HASH}:main",
        ),
        (
            "kubectl exec web-0 -n project1-staging -- sh -c 'date; cat /etc/hostname; env'",
            "kubectl exec web-0 -n project1-staging -- sh -c 'date; cat /etc/hostname; env'",
        ),
        (f"register it:\n{KEY}", KEY),
        (f"hint: register it read-only, then repeat: {KEY}", KEY),
    ],
)
def test_a_command_line_that_nothing_quotes_is_whole_too(text: str, whole: str) -> None:
    assert any(whole in line for line in drawn(text, 40))


def test_a_path_wider_than_the_terminal_stays_behind_its_prefix() -> None:
    first, *_ = drawn(f"error: {PATH}:3: alias.up: `x` is no command of gitops at all")

    assert first.startswith(f"error: {PATH}:3: alias.up: `x`")


def test_what_failed_is_told_in_a_sentence_although_it_is_a_program() -> None:
    lines = drawn("error: git fetch failed: the remote end hung up unexpectedly, or so it said")
    assert all(len(line) <= 60 for line in lines)


WORDS = st.lists(
    st.sampled_from(["a", "word", "longer-words", "`a command`", "日本語"]), min_size=1
)


@given(WORDS, st.integers(min_value=16, max_value=60))
def test_nothing_is_lost_and_every_line_is_as_full_as_it_can_be(
    words: list[str], width: int
) -> None:
    lines = drawn(" ".join(words), width)

    assert " ".join(line.strip() for line in lines) == " ".join(words)
    assert all(cell_len(line) <= width for line in lines)
    for line, after in pairwise(lines):
        first = "`a command`" if after.strip().startswith("`") else after.split()[0]
        assert cell_len(f"{line} {first}") > width
        assert after.startswith(INDENT)


@pytest.mark.parametrize("piece", ["`", "`a", "ssh-", "a: git ", "ssh-a AAAA", "'", "x" * 30])
def test_a_text_that_somebody_made_long_is_read_once(piece: str) -> None:
    text = f"{piece * (100_000 // len(piece))}: `"
    begun = time.process_time()

    assert "".join("".join(words(text)).split()) == "".join(text.split())
    assert time.process_time() - begun < 5, "what grows with the square takes minutes"

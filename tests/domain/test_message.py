"""Commit messages: composed as git would read them, and read as git would."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.change.message import compose_message, parse_message

TRAILERS = (("Gitops-Action", "set"), ("Gitops-Reason", "because"))
BLOCK = "Gitops-Action: set\nGitops-Reason: because\n"


def test_subject_body_and_trailers() -> None:
    assert compose_message("subject", "body\n\nmore", TRAILERS) == (
        f"subject\n\nbody\n\nmore\n\n{BLOCK}"
    )
    assert compose_message("subject", "", ()) == "subject\n"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("Gitops-Action: rollback", "> Gitops-Action: rollback"),
        ("gitops-action : x", "> gitops-action : x"),
        ("  Gitops-Action: x", ">   Gitops-Action: x"),
        ("---\nx", "> ---\nx"),
        ("a\r\nb", "a\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("Ticket: 7", "Ticket: 7"),
    ],
)
def test_a_body_cannot_forge_ours(body: str, shown: str) -> None:
    message = compose_message("subject", body, TRAILERS)

    assert message == f"subject\n\n{shown}\n\n{BLOCK}"
    assert parse_message(message)[2] == dict(TRAILERS)


def test_without_trailers_a_body_makes_none() -> None:
    message = compose_message("subject", "text\n\nSigned-off-by: Boss <b@x>\nTicket: 7", ())

    assert parse_message(message)[2] == {}


def test_values_lose_their_lines_and_empty_ones_go() -> None:
    trailers = [("Gitops-Reason", "a\n\nGitops-Env: x"), ("Gitops-Env", "  ")]

    assert compose_message("s", "", trailers) == "s\n\nGitops-Reason: a Gitops-Env: x\n"


@pytest.mark.parametrize("key", ["", "a b", "a:b", "a\nb", "-a", "é"])
def test_keys_that_are_none(key: str) -> None:
    with pytest.raises(ValueError, match="key of a trailer"):
        compose_message("s", "", [(key, "x")])


@pytest.mark.parametrize("subject", ["", " \n ", "\t"])
def test_a_commit_needs_a_subject(subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        compose_message(subject, "body", TRAILERS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", "", {})),
        ("one\ntwo", ("one two", "", {})),
        ("Key: value", ("Key: value", "", {})),
        ("s\n\nKey: value", ("s", "", {"Key": "value"})),
        ("s\n\nKey: value\nnot one", ("s", "Key: value\nnot one", {})),
        ("s\n\nbody\n\nA: 1\n  2\nB: 3\nA: 4", ("s", "body", {"A": "4", "B": "3"})),
        ("s\n\nx\nSigned-off-by: a\ny: 1", ("s", "", {"Signed-off-by": "a", "y": "1"})),
        ("s\n\n(cherry picked from commit 1)", ("s", "", {})),
        ("s\r\n\r\nKey: value\r\n", ("s", "", {"Key": "value"})),
    ],
)
def test_reading(text: str, expected: tuple[str, str, dict[str, str]]) -> None:
    assert parse_message(text) == expected


PIECES = ("Gitops-Action: x", "Signed-off-by: y", "\n\n", "---", *"aG:-># \t\n\r(\x1b")
TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(subject=TEXT, body=TEXT, value=TEXT)
def test_nothing_in_a_message_adds_a_trailer(subject: str, body: str, value: str) -> None:
    try:
        message = compose_message(subject, body, [("Gitops-Action", "set"), ("Gitops-X", value)])
    except ValueError:
        assert not subject.strip()
        return

    trailers = parse_message(message)[2]
    assert trailers.pop("Gitops-Action") == "set"
    assert set(trailers) <= {"Gitops-X"}


@pytest.mark.parametrize("seed", range(25))
def test_git_reads_the_same(seed: int) -> None:
    import random

    chance = random.Random(seed)  # noqa: S311
    pieces = [
        "Gitops-Action: x",
        "Signed-off-by: y",
        "---",
        "text",
        "",
        "",
        "  cont",
        "(cherry picked from commit 1)",
        "A: b",
    ]
    body = "\n".join(chance.choices(pieces, k=chance.randint(0, 8)))
    message = compose_message("subject", body, TRAILERS if seed % 2 else ())

    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=message.encode(),
        capture_output=True,
        check=True,
    )

    found = [line.partition(": ")[::2] for line in done.stdout.decode().splitlines()]
    assert found == (list(TRAILERS) if seed % 2 else [])
    assert parse_message(message)[2] == (dict(TRAILERS) if seed % 2 else {})


def test_a_trailer_may_go_on_in_the_next_line() -> None:
    text = "Subject\n\nGitops-Action: set\nGitops-Reason: one\n  two\n three\nGitops-Env: x\n"

    assert parse_message(text) == (
        "Subject",
        "",
        {"Gitops-Action": "set", "Gitops-Reason": "one two three", "Gitops-Env": "x"},
    )

"""Which version ran before, also after earlier rollbacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit, FileChange
from gitops_cli.domain.past.steps import (
    newest_commits,
    standing,
    steps,
    version_before,
    version_like,
    versions_before,
)

PROD, AUTH, WEB = EnvironmentName("p-production"), ServiceName("auth"), ServiceName("web")
START = datetime(2026, 11, 1, tzinfo=UTC)


def commit(at: int, action: str = "set") -> Commit:
    when = START + timedelta(minutes=at)
    ada = Actor("Ada", "ada@example.com")
    return Commit(f"{at:040x}", (), ada, when, when, "x", trailers={"Gitops-Action": action})


def branch(last: int) -> list[str]:
    """Return the hashes of commits 0 to `last`, newest first."""
    return [commit(at).hash for at in range(last, -1, -1)]


def tag(letter: str) -> str:
    return letter * 40


def past(*letters: str, first: int = 0) -> list:
    """Return steps newest first; `~b` is a rollback to b, `-` an absent file."""
    changes, old = [], None
    for at, letter in enumerate(letters, first):
        content = None if letter == "-" else f"{tag(letter[-1])}\n".encode()
        action = "rollback" if letter.startswith("~") else "set"
        changes.append(FileChange("p/auth.deployment", commit(at, action), old, content))
        old = content
    return list(steps(reversed(changes)))


def before(letters: str, back: int = 1) -> str | None:
    found = version_before(standing(past(*letters.split())), back)
    return None if found is None else found.tag[0]


@pytest.mark.parametrize(
    ("letters", "back", "expected"),
    [
        pytest.param("a b", 1, "a", id="the one before"),
        pytest.param("a b c", 2, "a", id="two back"),
        pytest.param("a", 1, None, id="the first has none before"),
        pytest.param("a b", 2, None, id="further than the past"),
        pytest.param("a b c ~b", 1, "a", id="going back again goes further back"),
        pytest.param("a b c ~b d", 1, "b", id="a new version after a rollback"),
        pytest.param("a b c ~b ~a d", 2, None, id="two rollbacks, then only one is below"),
        pytest.param("a b c ~a", 1, None, id="a rollback of two at once"),
        pytest.param("a b a", 1, "b", id="a hand-made way back is a step"),
        pytest.param("a - b", 1, "a", id="an absence is no version"),
        pytest.param("a b b c", 1, "b", id="writing the same is no step"),
    ],
)
def test_the_version_before(letters, back, expected):
    assert before(letters, back) == expected


@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=8, unique=True), st.data())
def test_rolling_back_n_times_is_rolling_back_by_n(letters, data):
    back = data.draw(st.integers(1, len(letters) - 1))
    told = list(letters)
    for _ in range(back):
        told.append("~" + str(before(" ".join(told))))

    assert told[-1] == "~" + letters[-1 - back]
    assert before(" ".join(letters), back) == letters[-1 - back]


def test_the_whole_environment_goes_back_by_commits():
    both = past("a", "b")  # commits 0 and 1
    later = past("x", "y", first=1)  # commits 1 and 2

    def back(count: int) -> dict[str, str]:
        pasts = {AUTH: standing(both), WEB: standing(later)}
        undone = newest_commits(pasts, count, branch(2))
        return {s: v.tag[0] for s, v in versions_before(undone).items()}

    assert back(1) == {"web": "x"}
    assert back(2) == {"web": "x", "auth": "a"}
    assert back(9) == {"web": "x", "auth": "a"}


def test_a_version_of_the_past_is_found_by_its_beginning():
    told = past("a", "b", "c")

    def like(text: str) -> str | None:
        found = version_like(told, text, service=AUTH, environment=PROD)
        return None if found is None else found.tag[0]

    assert like("bbbb") == "b"
    assert like(tag("a")) == "a"
    assert like("BBBBBBB") == "b"
    assert like("bbb") is None
    assert like("dddd") is None


def test_a_beginning_of_several_versions_is_refused():
    one, other = b"abcd1" + b"0" * 35, b"abcd2" + b"0" * 35
    told = list(steps([FileChange("p", commit(1), one, other)]))

    with pytest.raises(UsageError, match="fits several versions"):
        version_like(told, "abcd", service=AUTH, environment=PROD)


def test_the_last_commits_are_listed_once_newest_first():
    told = {AUTH: iter(past("a", "b")), WEB: iter(past("x", "y", first=1))}

    found = newest_commits(told, 2, branch(2))

    assert [undoing.commit.hash for undoing in found] == [f"{2:040x}", f"{1:040x}"]
    assert sorted(found[1].steps) == ["auth", "web"]


def test_what_cannot_be_read_is_no_version():
    spoilt = FileChange("p", commit(1), b"<<<<<<< HEAD\n", tag("a").encode())

    [step] = steps([spoilt])

    assert step.old is None

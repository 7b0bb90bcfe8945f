"""Steps of a service's past as whole values, and each bound of going back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.past.commits import Commit, FileChange
from gitops_cli.domain.past.steps import (
    Undoing,
    VersionStep,
    newest_commits,
    standing,
    steps,
    version_before,
    version_like,
    versions_before,
)
from gitops_cli.domain.version import Version

PROD, WEB, API = EnvironmentName("p-production"), ServiceName("web"), ServiceName("api")
AT = datetime(2026, 11, 1, tzinfo=UTC)
DIGEST = f"sha256:{'1' * 64}"


def commit(name: str, action: str | None = None) -> Commit:
    trailers = {} if action is None else {"Gitops-Action": action}
    return Commit(name, (), Actor("Ada", "ada@x"), AT, AT, "x", trailers=trailers)


def version(letter: str | None) -> Version | None:
    return None if letter is None else Version(letter * 40)


def step(name: str, old: str | None, new: str | None, *, back: bool = False) -> VersionStep:
    return VersionStep(commit(name), version(old), version(new), back)


def test_a_change_of_the_file_is_a_step_where_its_version_changes() -> None:
    a, b = b"a" * 40, b"b" * 40
    plain, back = commit("1"), commit("2", "rollback")
    changes = [
        FileChange("p", plain, a + b"\n", b),
        FileChange("p", plain, b, b"\n" + b + b" \n"),
        FileChange("p", back, b, a),
        FileChange("p", plain, None, a, origin=back),
        FileChange("p", back, a, None, origin=plain),
        FileChange("p", commit("3", "set"), b"\xff", a + b"@" + DIGEST.encode()),
        FileChange("p", plain, None, b"no version"),
    ]
    va, vb = Version("a" * 40), Version("b" * 40)
    assert list(steps(changes)) == [
        VersionStep(plain, va, vb, False),
        VersionStep(back, vb, va, True),
        VersionStep(plain, None, va, True),
        VersionStep(back, va, None, False),
        VersionStep(commit("3", "set"), None, Version("a" * 40, DIGEST), False),
    ]


def test_what_was_rolled_back_does_not_stand() -> None:
    first, second, third = step("1", None, "a"), step("2", "a", "b"), step("3", "b", "c")
    back, new = step("4", "c", "a", back=True), step("5", "a", "d")
    assert list(standing([new, back, third, second, first])) == [new, first]
    assert list(standing([third, second, first])) == [third, second, first]
    gone = step("4", "c", None, back=True)
    assert list(standing([gone, third, second, first])) == []
    removed = step("0", "z", None)
    assert list(standing([gone, third, second, first, removed])) == [removed]
    twice = step("5", "a", "b", back=True)
    assert list(standing([twice, back, third, second, first])) == [second, first]


@pytest.mark.parametrize(
    ("back", "expected"), [(1, "c"), (2, "b"), (3, "a"), (4, None), (0, None), (-1, None)]
)
def test_how_far_back_a_version_is(back: int, expected: str | None) -> None:
    past = [
        *(step("5", "c", "d"), step("4", None, "c"), step("3", "b", None)),
        *(step("2", "a", "b"), step("1", None, "a")),
    ]
    assert version_before(iter(past), back) == version(expected)


def test_no_further_step_is_read_than_needed() -> None:
    past = iter([step("3", "b", "c"), step("2", "a", "b"), step("1", None, "a")])
    assert version_before(past, 1) == version("b")
    assert next(past) == step("2", "a", "b")


def test_the_oldest_of_what_is_undone_says_what_was_before() -> None:
    newest = Undoing(commit("2"), {WEB: step("2", "b", "c"), API: step("2", None, "x")})
    oldest = Undoing(commit("1"), {WEB: step("1", "a", "b")}, manifests=True)
    assert versions_before([newest, oldest]) == {WEB: version("a")}
    assert versions_before([oldest, newest]) == {WEB: version("b")}
    assert versions_before([]) == {}
    assert Undoing(commit("1"), {}).manifests is False


def test_the_newest_commits_with_services_and_manifests() -> None:
    def pasts() -> dict[ServiceName | None, Iterator[VersionStep]]:
        return {
            WEB: iter([step("3", "b", "c"), step("1", "a", "b")]),
            API: iter([step("3", "x", "y")]),
            None: iter([step("2", "m", "n"), step("1", "l", "m")]),
        }

    expected = [
        Undoing(commit("3"), {WEB: step("3", "b", "c"), API: step("3", "x", "y")}, False),
        Undoing(commit("2"), {}, True),
        Undoing(commit("1"), {WEB: step("1", "a", "b")}, True),
    ]
    for limit in (0, 1, 2, 3, 9):
        assert newest_commits(pasts(), limit, ["3", "2", "1"]) == expected[:limit]


ONE, TWO = Version("abcd1" + "0" * 35), Version("abcd2" + "0" * 35)
TAG, PINNED = Version("v1.2"), Version("ab12" + "0" * 36, DIGEST)
PAST = [
    VersionStep(commit("3"), ONE, TWO, False),
    VersionStep(commit("2"), None, ONE, False),
    VersionStep(commit("1"), PINNED, None, False),
    VersionStep(commit("0"), TAG, PINNED, False),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abcd1", ONE),
        ("ABCD2", TWO),
        (ONE.tag, ONE),
        ("ab12", PINNED),
        ("ab1", None),
        (PINNED.tag, PINNED),
        (str(PINNED), PINNED),
        ("v1.2", TAG),
        ("v1.", None),
        ("bcd1", None),
        ("", None),
    ],
)
def test_which_version_of_the_past_a_text_names(text: str, expected: Version | None) -> None:
    assert version_like(PAST, text, service=WEB, environment=PROD) == expected


def test_a_text_that_fits_several_versions_names_them() -> None:
    with pytest.raises(UsageError) as found:
        version_like(PAST, "abcd", service=WEB, environment=PROD)
    assert (found.value.message, found.value.hint) == (
        f"web in p-production: `abcd` fits several versions: {TWO.tag}, {ONE.tag}",
        "write more digits",
    )
    newest = Version(PINNED.tag)
    both = [VersionStep(commit("9"), PINNED, newest, False)]
    assert version_like(both, "ab12", service=WEB, environment=PROD) == newest

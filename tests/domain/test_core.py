"""The values everything else is made of: names, versions, images, locks, durations, text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gitops_cli.domain.duration import age, parse_duration
from gitops_cli.domain.errors import UnknownEnvironment, UsageError
from gitops_cli.domain.image import image_for, is_repository, parse_image, same_repository
from gitops_cli.domain.names import (
    ENDINGS,
    EnvironmentName,
    ServiceName,
    is_service_name,
    parse_environment,
    parse_service,
)
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.locks import Lock, parse_lock
from gitops_cli.domain.recorded.reading import parse_environment_files, parse_snapshot
from gitops_cli.domain.recorded.stages import Ambiguous, candidates, in_order, place_of, the_one
from gitops_cli.domain.recorded.team import StageRules, TeamSettings
from gitops_cli.domain.text import (
    inert,
    one_line,
    redacted,
    visible,
    without_long_values,
    without_secrets,
)
from gitops_cli.domain.version import Version, parse_version

A = "a" * 40
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["a", "web", "project1-production", "0", "a" * 63])
def test_names(name: str) -> None:
    assert parse_service(name) == parse_environment(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "-a", "a-", "A", "a_b", "a.", "ä", "a\n", "a" * 64, "٣"]
)
def test_what_is_no_name(name: str) -> None:
    for parse in (parse_service, parse_environment):
        with pytest.raises(UsageError, match="not a"):
            parse(name)


def test_a_service_may_have_dots_as_a_workload_may_and_a_namespace_may_not() -> None:
    assert parse_service("api.internal.v2") == "api.internal.v2"
    with pytest.raises(UsageError, match="not an environment name"):
        parse_environment("api.internal")


@pytest.mark.parametrize("name", ["a..b", ".a", "a.b.", "a.-b", "a.B", ("a" * 60 + ".") * 4 + "a"])
def test_dots_join_names(name: str) -> None:
    with pytest.raises(UsageError, match="joined by dots"):
        parse_service(name)


def test_no_service_ends_like_a_file_of_the_repository() -> None:
    assert {kind.suffix[1:] for kind in Kind} | {"lock", "approval"} == ENDINGS
    for ending in ENDINGS:
        assert is_service_name(ending)
        assert not is_service_name(f"web.{ending}")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (A, Version(A)),
        ("b" * 64, Version("b" * 64)),
        ("v1.2.3", Version("v1.2.3")),
        (f"{A}@sha256:{'0' * 64}", Version(A, f"sha256:{'0' * 64}")),
        *((bad, None) for bad in ("", "@", f"{A}@", "a b", "-x", ".x", "a/b", "a:b", "a" * 129)),
        (f"{A}@sha256:{'0' * 63}", None),
        (f"{A}@sha512:{'0' * 64}", None),
        (f"@sha256:{'0' * 64}", None),
        (f"{A}\n", None),
    ],
)
def test_versions(text: str, version: Version | None) -> None:
    assert parse_version(text) == version
    assert version is None or str(version) == text


def test_a_version_in_short() -> None:
    assert Version(A).short == "aaaaaaa"
    assert Version("v1.2.3").short == "v1.2.3"
    assert Version("A" * 40).short == "A" * 40, "not a hash as git writes one"


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("nginx", "nginx", None, None),
        ("nginx:1", "nginx", "1", None),
        ("host:5000/a/b", "host:5000/a/b", None, None),
        ("host:5000/a/b:t@sha256:0", "host:5000/a/b", "t", "sha256:0"),
        ("[::1]:5000/a:t", "[::1]:5000/a", "t", None),
    ],
)
def test_images(text: str, repository: str, tag: str | None, digest: str | None) -> None:
    image = parse_image(text)
    assert (image.repository, image.tag, image.digest) == (repository, tag, digest)
    assert str(image) == text


def test_an_image_is_what_a_shell_script_concatenates() -> None:
    pinned = Version(A, f"sha256:{'0' * 64}")
    image = image_for("r.example.com/p/", ServiceName("web"), pinned)
    assert str(image) == f"r.example.com/p/web:{A}@sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("nginx", "docker.io/library/nginx", True),
        ("nginx", "index.docker.io/library/nginx", True),
        ("acme/web", "docker.io/acme/web", True),
        ("docker.io/nginx", "nginx", True),
        ("localhost/web", "docker.io/localhost/web", False),
        ("r.example.com/web", "web", False),
        ("r:5000/web", "docker.io/r/web", False),
    ],
)
def test_the_same_repository(one: str, other: str, same: bool) -> None:
    assert same_repository(one, other) is same
    assert same_repository(other, one) is same


@pytest.mark.parametrize(
    "name", ["web", "r.example.com/p/web", "localhost:5000/a/b_c", "a__b", "a--b"]
)
def test_a_repository_name(name: str) -> None:
    assert is_repository(name)


@pytest.mark.parametrize(
    "name", ["", "web/X", "a//b", "/a", "a/", "a b", "a\n", "https://a/b", "-a", "a" * 256]
)
def test_what_is_no_repository_name(name: str) -> None:
    assert not is_repository(name)


def test_a_lock_reads_back_and_ends() -> None:
    lock = Lock("e/.lock", None, 'A "B"', NOW, NOW + timedelta(hours=1), "why\n\\ \x1b ü")
    again = parse_lock("e/.lock", None, lock.text().encode())
    assert again == lock
    assert lock.holds(NOW)
    assert not lock.holds(NOW + timedelta(hours=1))
    assert Lock("e/.lock", None).holds(NOW)


def test_a_reason_that_is_not_text_can_be_written() -> None:
    assert parse_lock("x", None, Lock("x", None, reason="a\udcff").text().encode()).reason == "a?"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"by =",
        b"by = 5",
        b"until = 5",
        b"until = 'soon'",
        b"until = 2026-12-24T18:00:00",
        b"until = 2026-12-24",
        b"until = 9999-12-31T23:59:59-23:59",
        b"x = " + b"[" * 4000,
        b"x = " + b"9" * 4400,
    ],
)
def test_an_unreadable_lock_holds(data: bytes) -> None:
    lock = parse_lock("e/web.lock", ServiceName("web"), data)
    assert lock.problem
    assert lock.holds(NOW)


def test_a_lock_with_an_offset_is_a_moment() -> None:
    lock = parse_lock("x", None, b'until = "2026-11-23T13:30:00+02:00"')
    assert lock.until == datetime(2026, 11, 23, 13, 30, tzinfo=timezone(timedelta(hours=2)))
    assert not lock.holds(NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("0.5s", 0.5),
        (" 1m ", 60),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "m", "-5m", "5 m", "5x", "5m3", "1e3s", "9" * 400 + "d", "101000d", "9" * 200_000 + "x"],
    ids=lambda text: text[:9],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|hundred years"):
        parse_duration(text)


def test_the_longest_duration_can_be_added_to_now() -> None:
    NOW + timedelta(seconds=parse_duration("36500d"))


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=59), "59s"),
        (timedelta(minutes=59, seconds=59), "59m"),
        (timedelta(hours=3, minutes=5), "3h05m"),
        (timedelta(hours=23), "23h"),
        (timedelta(days=89), "89d"),
        (timedelta(days=420), "14mo"),
        (timedelta(days=1100), "3y"),
    ],
)
def test_ages(span: timedelta, text: str) -> None:
    assert age(span) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:secret@host/x", "https://***@host/x"),
        ("https://user:p@ss@host/x", "https://***@host/x"),
        (
            "see https://t0ken@host/x, or ssh://git@host/y",
            "see https://***@host/x, or ssh://git@host/y",
        ),
        ("ssh://git:secret@host/y", "ssh://***@host/y"),
        ("git@host:x/y", "git@host:x/y"),
        ("https://host/a@b", "https://host/a@b"),
        (f"a{'-' * 40}://user:secret@host/x", f"a{'-' * 40}://***@host/x"),
        pytest.param(f"x://{'a' * 300_000}", f"x://{'a' * 300_000}", id="a long word"),
    ],
)
def test_credentials(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("b'Bearer abc\\n' is bad", "b'Bearer ***' is bad"),
        ("Authorization: BEARER a b\nnext", "Authorization: BEARER ***\nnext"),
        ("basic Zm9v at https://u:p@h/", "basic ***"),
        ("a forbearer of Basics", "a forbearer of Basics"),
        ("https://u:p@h/", "https://***@h/"),
        ("{'Authorization': 'token abc', 'x': 1}", "{'Authorization': '***', 'x': 1}"),
        ("('Authorization', b'Basic abc')", "('Authorization', b'Basic ***')"),
        ("password=hunter2&x=1", "password=***&x=1"),
        ('{"access_token": "abc"}', '{"access_token": "***"}'),
        ("PRIVATE-TOKEN: abc", "PRIVATE-TOKEN: ***"),
        ("get /x?X-Amz-Signature=abc&y=1", "get /x?X-Amz-Signature=***&y=1"),
        (f"said {'eyJhbGciOi.eyJzdWIi.abc-d'} twice", "said *** twice"),
        (f"ghp_{'a' * 36} and glpat-{'b' * 20}", "*** and ***"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END", "-----BEGIN PRIVATE KEY-----***-----END"),
        ("no token was found, a secret is missing", "no token was found, a secret is missing"),
    ],
)
def test_a_trace_without_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_text_from_elsewhere_does_not_act() -> None:
    assert visible("a\x1b[31m\x9b\u202e\r") == "a\\x1b[31m\\x9b\\u202e\\x0d"
    assert one_line(" a\n\tb ") == "a b"
    assert inert("::error::x\n  ::warning::y\n##[group]\n##vso[task]") == (
        "\\x3a:error::x\n  \\x3a:warning::y\n#\\x23[group]\n#\\x23vso[task]"
    )
    assert inert("a::b ## c #[x]") == "a::b ## c #[x]"


def test_places() -> None:
    team = TeamSettings(stages=("dev", "eu-prod", "prod"))
    assert place_of(EnvironmentName("shop-eu-prod"), team).project == "shop"
    assert place_of(EnvironmentName("shop-us-prod"), team).project == "shop-us"
    assert (
        place_of(EnvironmentName("prod"), team).project,
        place_of(EnvironmentName("x-qa"), team).stage,
    ) == ("", "qa")
    names = [EnvironmentName(n) for n in ("b-prod", "a-qa", "a-prod", "a-dev", "prod")]
    assert in_order(names, team) == ["prod", "a-dev", "a-prod", "a-qa", "b-prod"]


def test_what_a_word_means() -> None:
    team = TeamSettings(rules={"production": StageRules("production", aliases=("live",))})
    names = [
        EnvironmentName(f"{p}-{s}")
        for p in ("a", "b")
        for s in ("development", "staging", "production")
    ]
    assert candidates("prod", names, team) == ["a-production", "b-production"]
    assert candidates("live", names, team, project="b") == ["b-production"]
    assert candidates("stage", names, team) == ["a-staging", "b-staging"]
    assert the_one("a-staging", names, team) == "a-staging"
    with pytest.raises(Ambiguous, match="a-production, b-production"):
        the_one("prod", names, team)
    for word in ("", "qa", "c-production"):
        with pytest.raises(UnknownEnvironment):
            candidates(word, names, team)
    with pytest.raises(UnknownEnvironment):
        candidates("", [EnvironmentName("a-prod")], TeamSettings(stages=("prod",)))


@pytest.mark.parametrize("content", [A, f"{A}\n", f" \t{A} \n\n", f"\n{A}\n"])
def test_white_space_around_a_value_is_not_part_of_it(content: str) -> None:
    name = EnvironmentName("shop-dev")
    read = parse_environment_files(name, [RawFile("shop-dev/web.deployment", content.encode())])
    assert read.versions == {"web": Version(A)}


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\x0c", "\x0b", "\x1c"])
def test_what_a_shell_keeps_is_part_of_it(space: str) -> None:
    """The agent's ten lines of shell would hand it to the cluster."""
    content = f"{A}{space}\n".encode()
    read = parse_environment_files(EnvironmentName("d"), [RawFile("d/web.deployment", content)])
    assert read.versions == {}
    assert [f.rule for f in read.findings if f.path.startswith("d/web")] == ["version"]


def test_what_is_an_environment() -> None:
    paths = (
        "a-dev/images_path",
        "b-dev/x.cronjob",
        "c/README.md",
        ".git/images_path",
        "sync-agent/images_path",
        "x.deployment",
    )
    found = parse_snapshot(RawFile(path, b"r/\n") for path in paths)
    assert set(found.environments) == {"a-dev", "b-dev"}
    assert found.settings is None


LONG = "x" * 300


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f'a: Invalid value: {{"l":"{LONG}}}","m":[1]}}: no', "a: Invalid value: {…}: no"),
        (f'Invalid value: core.Pod{{A:"{LONG}\\""}}: x, b', "Invalid value: core.Pod{…}: x, b"),
        (f'Invalid value: ["{LONG}"]: a, Invalid value: ["{LONG}"]: b',
         "Invalid value: […]: a, Invalid value: […]: b"),
        (f'Invalid value: {{"a":"{LONG}', f'Invalid value: {{"a":"{LONG}'),
        ('Invalid value: {"a":1}: no', 'Invalid value: {"a":1}: no'),
        (f'Invalid value: "{LONG}": no', f'Invalid value: "{LONG}": no'),
        ("", ""),
    ],
)  # fmt: skip
def test_whole_templates_in_an_error_are_cut(text: str, left: str) -> None:
    assert without_long_values(text) == left


@pytest.mark.parametrize("end", ["", "}"])
def test_an_error_is_read_once_however_many_values_it_begins(end: str) -> None:
    text = "Invalid value: {" * 20_000
    assert without_long_values(text + end * 20_000) == (text if not end else "Invalid value: {…}")

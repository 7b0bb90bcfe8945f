"""Every finding of `validate`, with its place, its words and its hint."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Kind, Snapshot
from gitops_cli.domain.recorded.files import FileType, RawFile
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.recorded.reading import parse_snapshot
from gitops_cli.domain.recorded.team import TeamSettings, VersionForm
from gitops_cli.domain.recorded.validation import validate

A, B = "a" * 40, "b" * 40
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEAM = TeamSettings()
ANY = 'or permit other tags in gitops.toml: [versions] form = "any"'
RULE = "lower-case letters, digits and `-`, at most 63, beginning and ending with a letter or digit"
DOTS = "; several such parts may be joined by dots"
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def snapshot(files: dict[str, str | bytes | FileType], *, paths: bool = True) -> Snapshot:
    """Return a repository of these files; each directory gets an images_path."""
    content = {f"{path.partition('/')[0]}/images_path": "r/\n" for path in files if "/" in path}
    given = (content if paths else {}) | files
    return parse_snapshot(
        RawFile(path, b"", data)
        if isinstance(data, FileType)
        else RawFile(path, data if isinstance(data, bytes) else data.encode())
        for path, data in given.items()
    )


def found(files: dict[str, str | bytes | FileType], **options: bool) -> list[Finding]:
    return list(validate(snapshot(files, **options)._replace(team=TEAM), now=NOW))


def test_what_is_right_has_no_findings() -> None:
    assert found({"shop-dev/web.deployment": f"{A}\n", "shop-prod/web.deployment": f"{B}\n"}) == []
    assert found({"shop-dev/web.deployment": f"{'a' * 64}\n"}) == []


@pytest.mark.parametrize(
    ("tag", "rule", "message", "hint"),
    [
        (
            "A" * 40,
            "version-case",
            f"`{'A' * 40}` has upper-case letters; registries and git tell them apart",
            f"write {A}",
        ),
        (
            "a" * 41,
            "version-form",
            f"`{'a' * 41}` has 41 digits; a commit hash has 40",
            f"write a full hash, {ANY}",
        ),
        (
            "abcd",
            "version-short",
            "`abcd` has 4 of 40 digits: a short hash can come to mean two commits",
            f"write what `git rev-parse abcd` prints in the source, {ANY}",
        ),
        (
            "a" * 39,
            "version-short",
            f"`{'a' * 39}` has 39 of 40 digits: a short hash can come to mean two commits",
            f"write what `git rev-parse {'a' * 39}` prints in the source, {ANY}",
        ),
        ("v1", "version-form", "`v1` is not a commit hash", f"write a full hash, {ANY}"),
        ("abc", "version-form", "`abc` is not a commit hash", f"write a full hash, {ANY}"),
    ],
)
def test_the_form_of_a_version(tag: str, rule: str, message: str, hint: str) -> None:
    files: dict[str, str | bytes | FileType] = {"shop-dev/web.deployment": f"{tag}\n"}

    assert found(files) == [Finding("shop-dev/web.deployment", 1, rule, message, hint, ERROR)]
    agreed = TEAM._replace(version_form=VersionForm.ANY)
    assert validate(snapshot(files)._replace(team=agreed), now=NOW) == ()


def test_a_lock_that_has_expired_and_one_of_nothing() -> None:
    old = "until = 2026-11-23T11:59:59Z\n"
    files: dict[str, str | bytes | FileType] = {
        "shop-dev/web.deployment": A,
        "shop-dev/web.lock": old,
        "shop-dev/.lock": old,
        "shop-dev/gone.lock": "",
        "shop-dev/now.statefulset": A,
        "shop-dev/now.lock": "until = 2026-11-23T12:00:01Z\n",
        "shop-dev/bad.deployment": "",
        "shop-dev/bad.lock": "",
    }
    expired = "the lock expired at 2026-11-23 11:59 UTC and is ignored"

    assert found(files) == [
        Finding(
            *("shop-dev/.lock", 1, "lock-expired", expired),
            *("remove it: gitops unlock -e shop-dev", WARNING),
        ),
        Finding("shop-dev/bad.deployment", 1, "empty", "is empty"),
        Finding(
            *("shop-dev/gone.lock", 1, "lock-orphan", "locks `gone`, which shop-dev does not have"),
            *(None, WARNING),
        ),
        Finding(
            *("shop-dev/web.lock", 1, "lock-expired", expired),
            *("remove it: gitops unlock web -e shop-dev", WARNING),
        ),
    ]


def test_a_service_that_is_not_in_all_stages() -> None:
    files: dict[str, str | bytes | FileType] = {
        "shop-production/web.deployment": A,
        "shop-staging/only.deployment": A,
        "shop-development/web.deployment": A,
        "shop-development/bad.deployment": "",
        "shop-staging/bad.deployment": A,
        "shop-production/bad.deployment": A,
        "blog-production/web.deployment": A,
    }

    assert found(files) == [
        Finding("shop-development/bad.deployment", 1, "empty", "is empty"),
        Finding(
            *("shop-development/web.deployment", 1, "service-lacking"),
            *("`web` is not in shop-staging", None, WARNING),
        ),
        Finding(
            *("shop-staging/only.deployment", 1, "service-lacking"),
            *("`only` is not in shop-development, shop-production", None, WARNING),
        ),
    ]


def test_environments_without_a_project_need_not_have_the_same() -> None:
    files: dict[str, str | bytes | FileType] = {"dev/a.deployment": A, "prod/b.deployment": A}

    assert found(files) == []


def test_a_service_that_differs_between_stages() -> None:
    files: dict[str, str | bytes | FileType] = {
        "shop-development/web.deployment": A,
        "shop-staging/web.statefulset": A,
        "shop-production/web.deployment": "a" * 64,
    }

    assert found(files) == [
        Finding(
            *("shop-production/web.deployment", 1, "version-mixed"),
            "64 digits here, 40 in shop-development/web.deployment: "
            "the same commit would look like two versions",
            *("write full hashes everywhere", WARNING),
        ),
        Finding(
            *("shop-staging/web.statefulset", 1, "kind-differs"),
            "`web` is a StatefulSet here and a Deployment in shop-development/web.deployment",
            *(None, WARNING),
        ),
    ]


def test_only_hashes_are_mixed() -> None:
    files: dict[str, str | bytes | FileType] = {
        "shop-development/web.deployment": "v1",
        "shop-staging/web.deployment": A,
        "shop-production/web.deployment": "v1.2",
    }
    team = TEAM._replace(version_form=VersionForm.ANY)

    assert validate(snapshot(files)._replace(team=team), now=NOW) == ()
    files["shop-development/web.deployment"] = A
    assert validate(snapshot(files)._replace(team=team), now=NOW) == ()


@pytest.mark.parametrize(
    ("data", "line", "rule", "message"),
    [
        (FileType.SYMLINK, 1, "not-a-file", "is a symbolic link, not a file"),
        (FileType.DIRECTORY, 1, "not-a-file", "is a directory, not a file"),
        ("a" * 4097, 1, "too-large", "larger than 4096 bytes: it should be one line"),
        (
            b"\xef\xbb\xbf" + A.encode(),
            *(1, "byte-order-mark", "begins with a byte order mark, which shells read as text"),
        ),
        (b"\n\na\xff", 3, "encoding", "is not UTF-8 text"),
        (f"\n<<<<<<< HEAD\n{A}\n", 2, "conflict", "holds the marks of an unfinished merge"),
        (f"{A}\n=======\n", 2, "conflict", "holds the marks of an unfinished merge"),
        (f"{A}\n>>>>>>> x\n", 2, "conflict", "holds the marks of an unfinished merge"),
        (f"{A}\n||||||| x\n", 2, "conflict", "holds the marks of an unfinished merge"),
        (
            f"{A}\r\n",
            *(1, "carriage-return", "ends in CRLF, and shells read the CR as text"),
        ),
        (" \t\n\n", 1, "empty", "is empty"),
        (f"\n{A}\n\n{B}\n", 4, "several-lines", "holds more than one line"),
        ("a b", 1, "version", "`a b` is not a commit hash, nor any other tag of an image"),
        (
            "-" * 90,
            *(1, "version", f"`{'-' * 80}` is not a commit hash, nor any other tag of an image"),
        ),
    ],
)
def test_what_is_wrong_with_a_version_file(
    data: str | bytes | FileType, line: int, rule: str, message: str
) -> None:
    path = "shop-dev/web.deployment"

    assert found({path: data}) == [Finding(path, line, rule, message)]


def test_a_file_of_exactly_the_most_bytes_is_read() -> None:
    assert found({"shop-dev/web.deployment": A + " " * (4096 - 40)}) == []
    assert found({"shop-dev/web.deployment": f" \t{A}\t \n"}) == []


@pytest.mark.parametrize(
    ("value", "rule", "message", "hint"),
    [
        (
            "r/shop",
            "images-path-slash",
            "`r/shop` does not end with `/`: the service's name would stick to it",
            "write `r/shop/`",
        ),
        ("r/A/", "images-path", "`r/A/` cannot begin the name of an image", None),
        ("a b/", "images-path", "`a b/` cannot begin the name of an image", None),
        ("", "empty", "is empty", None),
    ],
)
def test_what_is_wrong_with_an_images_path(
    value: str, rule: str, message: str, hint: str | None
) -> None:
    path = "shop-dev/images_path"

    assert found({path: value}) == [Finding(path, 1, rule, message, hint)]


@pytest.mark.parametrize("value", ["r/", "r/shop-", "r/shop_", "host:5000/a/"])
def test_what_may_stand_before_a_services_name(value: str) -> None:
    read = snapshot({"shop-dev/images_path": f"{value}\n"})

    assert read.environment(EnvironmentName("shop-dev")).checked_images_path() == value


def test_a_missing_images_path() -> None:
    path = "shop-dev/images_path"
    message = "missing: nothing says where the images are"
    hint = f"write it, for example: echo registry.example.com/team/ > {path}"

    assert found({"shop-dev/web.deployment": A}, paths=False) == [
        Finding(path, 1, "images-path-missing", message, hint)
    ]


def test_names_of_files_and_directories() -> None:
    files: dict[str, str | bytes | FileType] = {
        "Shop/web.deployment": A,
        "shop-dev/Web.deployment": A,
        "shop-dev/UP.lock": "",
        "shop-dev/web.deployment": A,
        "shop-dev/web.statefulset": A,
        "shop-dev/image_path": "r/",
        "shop-dev/web.deploymnet": A,
        "shop-dev/web.lok": "",
        "shop-dev/README.md": "",
        ".hidden/web.deployment": A,
        "sync-agent/web.deployment": A,
        "docs/readme": "",
        "README.md": "",
    }

    assert found(files) == [
        Finding("Shop", 1, "environment-name", f"`Shop` cannot be a namespace: {RULE}"),
        Finding(
            *("shop-dev/UP.lock", 1, "service-name"),
            f"`UP` is not the name of a service: {RULE}{DOTS}",
        ),
        Finding(
            *("shop-dev/Web.deployment", 1, "service-name"),
            f"`Web` cannot be the name of a workload: {RULE}{DOTS}",
        ),
        Finding(
            *("shop-dev/image_path", 1, "misspelt"),
            *("is read by nothing; did you mean `images_path`?", None, WARNING),
        ),
        Finding(
            *("shop-dev/web.deploymnet", 1, "misspelt"),
            *("is read by nothing; did you mean `web.deployment`?", None, WARNING),
        ),
        Finding(
            *("shop-dev/web.lok", 1, "misspelt"),
            *("is read by nothing; did you mean `web.lock`?", None, WARNING),
        ),
        Finding(
            *("shop-dev/web.statefulset", 1, "service-twice"),
            "`web` stands here and in shop-dev/web.deployment; one of them must go",
        ),
    ]


def test_a_lock_that_cannot_be_read() -> None:
    files: dict[str, str | bytes | FileType] = {
        "shop-dev/web.deployment": A,
        "shop-dev/web.lock": "by = 7\n",
        "shop-dev/.lock": FileType.SYMLINK,
    }

    assert [(f.path, f.rule, f.severity) for f in found(files)] == [
        ("shop-dev/.lock", "lock", ERROR),
        ("shop-dev/web.lock", "lock", ERROR),
    ]
    assert found(files)[1].message == "`by` is not a text; it locks all the same"
    locks = snapshot(files).environment(EnvironmentName("shop-dev")).locks
    assert locks[None].holds(NOW)
    assert locks[ServiceName("web")].holds(NOW)


def test_kinds_that_are_not_followed_and_their_short_names() -> None:
    files: dict[str, str | bytes | FileType] = {
        "shop-dev/web.deployment": A,
        "shop-dev/a.job": A,
        "shop-dev/b.deploy": A,
    }
    kinds = ", ".join(f"{kind}s" for kind in Kind)

    assert found(files) == [
        Finding(
            *("shop-dev/a.job", 1, "kind", "is read by nothing: Jobs are not followed"),
            *(f"what is: {kinds}", WARNING),
        ),
        Finding(
            *("shop-dev/b.deploy", 1, "misspelt"),
            *("is read by nothing; did you mean `b.deployment`?", None, WARNING),
        ),
    ]

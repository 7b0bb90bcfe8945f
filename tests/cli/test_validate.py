"""`gitops validate`: every defect with file and line, in every form."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testbed.git import git, init_bare
from tests.testbed.gitops import Gitops

ROOT = Path(__file__).parents[2]
HASH = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"
DEV = "shop-development"
FILE = f"{DEV}/web.deployment"
Files = Mapping[str, str | bytes]
Make = Callable[[Files], Gitops]


@pytest.fixture
def make(gitops: Gitops, tmp_path: Path) -> Make:
    """Return a function that writes files into a new working tree, over a good repository."""

    def build(files: Files) -> Gitops:
        root = tmp_path / "state"
        git(tmp_path, "init", "-q", "state")
        good: Files = {f"{DEV}/images_path": "registry.example.com/shop/\n", FILE: f"{HASH}\n"}
        for path, content in {**good, **files}.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return gitops.at(root)

    return build


def findings(state: Gitops, *arguments: str) -> list[dict[str, Any]]:
    ran = state("validate", "-o", "json", *arguments)
    document = ran.json()
    assert (ran.code == 1) == (document["errors"] > 0), str(ran)
    assert len(document["findings"]) == document["errors"] + document["warnings"]
    return list(document["findings"])


ERRORS: list[tuple[str, Files, str, int, str]] = [
    ("empty", {FILE: ""}, FILE, 1, "empty"),
    ("blank", {FILE: "\n \n"}, FILE, 1, "empty"),
    ("two lines", {FILE: f"{HASH}\n\n{HASH}\n"}, FILE, 3, "several-lines"),
    ("CRLF", {FILE: f"{HASH}\r\n"}, FILE, 1, "carriage-return"),
    ("BOM", {FILE: f"\ufeff{HASH}\n"}, FILE, 1, "byte-order-mark"),
    (
        "merge",
        {FILE: f"<<<<<<< HEAD\n{HASH}\n=======\n{'b' * 40}\n>>>>>>> x\n"},
        FILE,
        1,
        "conflict",
    ),
    ("short", {FILE: "36a03b3\n"}, FILE, 1, "version-short"),
    ("long", {FILE: f"{HASH}00\n"}, FILE, 1, "version-form"),
    ("upper case", {FILE: f"{HASH.upper()}\n"}, FILE, 1, "version-case"),
    ("tag", {FILE: "v1.2.3\n"}, FILE, 1, "version-form"),
    ("no tag", {FILE: "a b\n"}, FILE, 1, "version"),
    ("digest", {FILE: f"{HASH}@sha256:12\n"}, FILE, 1, "version"),
    ("10 MB", {FILE: b"a" * 10_000_000}, FILE, 1, "too-large"),
    ("not UTF-8", {FILE: b"\n\xff\xfe\n"}, FILE, 2, "encoding"),
    ("service", {f"{DEV}/Web.deployment": HASH}, f"{DEV}/Web.deployment", 1, "service-name"),
    ("..", {f"{DEV}/...deployment": HASH}, f"{DEV}/...deployment", 1, "service-name"),
    ("twice", {f"{DEV}/web.cronjob": HASH}, FILE, 1, "service-twice"),
    ("namespace", {"Shop_Prod/images_path": "r/\n"}, "Shop_Prod", 1, "environment-name"),
    ("no slash", {f"{DEV}/images_path": "r/shop\n"}, f"{DEV}/images_path", 1, "images-path-slash"),
    ("path", {f"{DEV}/images_path": "R E/\n"}, f"{DEV}/images_path", 1, "images-path"),
    ("no path", {"a-dev/web.deployment": HASH}, "a-dev/images_path", 1, "images-path-missing"),
    ("lock", {f"{DEV}/web.lock": "until = 5\n"}, f"{DEV}/web.lock", 1, "lock"),
    ("TOML", {"gitops.toml": "stages = [\n\n"}, "gitops.toml", 3, "settings"),
    (
        "key",
        {"gitops.toml": "\n[stage.production]\nprotect = true\n"},
        "gitops.toml",
        3,
        "settings",
    ),
    ("bytes", {"gitops.toml": b"\n# \xff\n"}, "gitops.toml", 2, "settings"),
    (
        "freeze",
        {"gitops.toml": "[stage.production]\nfreeze = ['Fri']\n"},
        "gitops.toml",
        2,
        "settings",
    ),
    (
        "command",
        {"gitops.toml": "[service.web]\nsource = 'ext::sh -c x'\n"},
        "gitops.toml",
        2,
        "settings",
    ),
]


@pytest.mark.parametrize(
    ("files", "path", "line", "rule"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS]
)
def test_errors_with_file_and_line(
    make: Make, files: Files, path: str, line: int, rule: str
) -> None:
    state = make(files)
    found = [f for f in findings(state) if f["severity"] == "error"]
    assert [(f["path"], f["line"], f["rule"]) for f in found] == [(path, line, rule)]
    shown = state("validate")
    assert f"{path}:{line}: error: " in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("1 error")


WARNINGS: list[tuple[str, Files, str, str]] = [
    (
        "lacking",
        {"shop-production/images_path": "r/\n"},
        FILE,
        "service-lacking",
    ),
    (
        "kind",
        {"shop-staging/images_path": "r/\n", "shop-staging/web.statefulset": HASH},
        "shop-staging/web.statefulset",
        "kind-differs",
    ),
    (
        "expired",
        {f"{DEV}/web.lock": "until = 2020-01-01T00:00:00Z\n"},
        f"{DEV}/web.lock",
        "lock-expired",
    ),
    ("orphan", {f"{DEV}/api.lock": ""}, f"{DEV}/api.lock", "lock-orphan"),
    ("suffix", {f"{DEV}/api.deploymnet": HASH}, f"{DEV}/api.deploymnet", "misspelt"),
    ("path", {f"{DEV}/image_path": "r/"}, f"{DEV}/image_path", "misspelt"),
    ("short", {f"{DEV}/api.sts": HASH}, f"{DEV}/api.sts", "misspelt"),
    ("kind", {f"{DEV}/api.job": HASH}, f"{DEV}/api.job", "kind"),
    ("service", {"gitops.toml": "[service.wbe]\n"}, "gitops.toml", "unknown-service"),
    (
        "mixed",
        {
            "gitops.toml": "[versions]\nform = 'any'\n",
            "shop-staging/images_path": "r/\n",
            "shop-staging/web.deployment": "36a03b3\n",
        },
        "shop-staging/web.deployment",
        "version-mixed",
    ),
]


@pytest.mark.parametrize(
    ("files", "path", "rule"), [w[1:] for w in WARNINGS], ids=[w[0] for w in WARNINGS]
)
def test_warnings_fail_only_if_strict(make: Make, files: Files, path: str, rule: str) -> None:
    state = make(files)
    assert [(f["path"], f["rule"], f["severity"]) for f in findings(state)] == [
        (path, rule, "warning")
    ]
    assert state("validate", "--strict").code == 1


def test_any_form_if_the_team_says_so(make: Make) -> None:
    state = make({FILE: "v1.2.3\n", "gitops.toml": "[versions]\nform = 'any'\n"})
    assert findings(state) == []


@pytest.mark.parametrize("kind", ["directory", "link out", "link in", "dangling", "fifo"])
def test_what_is_no_file(make: Make, tmp_path: Path, kind: str) -> None:
    state = make({})
    file = state.directory / FILE
    file.unlink()
    (tmp_path / "secret").write_text("s3cret")
    match kind:
        case "directory":
            file.mkdir()
            (file / "x").write_text(HASH)
        case "link out":
            file.symlink_to(tmp_path / "secret")
        case "link in":
            file.symlink_to("images_path")
        case "dangling":
            file.symlink_to("nowhere")
        case "fifo":
            os.mkfifo(file)
    ran = state("validate")
    if kind == "fifo":  # git does not track it either
        assert "s3cret" not in ran.stdout
        return
    assert ran.code == 1
    assert f"{FILE}:1: error:" in ran.stdout
    assert "not a file" in ran.stdout
    assert "s3cret" not in ran.stdout


def test_the_working_tree_as_it_is_or_what_is_staged(make: Make) -> None:
    state = make({})
    git(state.directory, "add", ".")
    (state.directory / FILE).write_text("oops!\n")
    assert state("validate").code == 1
    assert findings(state, "--staged") == []
    git(state.directory, "add", ".")
    (state.directory / FILE).write_text(HASH)
    assert findings(state) == []
    assert state("validate", "--staged").code == 1


def test_as_a_git_hook(make: Make) -> None:
    """git sets GIT_INDEX_FILE for `commit -a` and partial commits; that index is what counts."""
    state = make({})
    git(state.directory, "add", ".")
    git(state.directory, "commit", "-q", "-m", "x")
    hook = state.directory / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    [published] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert published["pass_filenames"] is False
    hook.write_text(f"#!/bin/sh\nexec {published['entry']}\n")
    hook.chmod(0o755)
    (state.directory / FILE).write_text("oops!\n")
    with pytest.raises(AssertionError, match="ended with 1"):
        git(state.directory, "commit", "-q", "-a", "-m", "y", env=state.environment)
    (state.directory / FILE).write_text("b" * 40 + "\n")
    git(state.directory, "commit", "-q", "-a", "-m", "y", env=state.environment)


def test_what_a_sparse_checkout_leaves_out_is_judged_as_the_index_has_it(make: Make) -> None:
    state = make({FILE: "36a03b3", "shop-qa/web.deployment": HASH})
    git(state.directory, "add", ".")
    git(state.directory, "commit", "-q", "-m", "x")
    seen = findings(state)
    assert seen
    git(state.directory, "sparse-checkout", "set", "elsewhere")
    assert not (state.directory / FILE).exists()

    assert findings(state) == seen
    git(state.directory, "sparse-checkout", "set", "shop-qa")
    assert findings(state) == seen


def test_a_url_is_judged_at_its_tip(make: Make, gitops: Gitops, tmp_path: Path) -> None:
    state = make({FILE: "36a03b3\n"})
    remote = init_bare(tmp_path / "remote.git")
    git(state.directory, "add", ".")
    git(state.directory, "commit", "-q", "-m", "x")
    git(state.directory, "push", "-q", remote, "HEAD:main")
    ran = gitops("validate", "-R", remote.as_uri(), "-o", "json")
    assert ran.code == 1
    assert (ran.json()["subject"], ran.json()["errors"]) == ("commit", 1)
    assert ran.json()["commit"] == git(state.directory, "rev-parse", "HEAD")
    staged = gitops("validate", "-R", remote.as_uri(), "--staged")
    assert staged.code == 2


def test_from_a_subdirectory(make: Make) -> None:
    state = make({FILE: "36a03b3\n"})
    assert f"{FILE}:1: error" in state.at(state.directory / DEV)("validate").stdout


def test_github_annotations_appear_in_actions(make: Make) -> None:
    state = make({FILE: "36a03b3\n"})
    assert "::error" not in state("validate").stderr
    for ran in (
        state.using(CI="true", GITHUB_ACTIONS="true")("validate", "-o", "json"),
        state("validate", "--annotations", "github"),
    ):
        [line] = [x for x in ran.stderr.splitlines() if x.startswith("::")]
        assert line.startswith(f"::error file={FILE},line=1,title=version-short::`36a03b3` has 7")
        assert "::error" not in ran.stdout
    off = state.using(GITHUB_ACTIONS="true")("validate", "--annotations", "none")
    assert "::" not in off.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("::set-output name=x::y", "r/\n"),
        ("a,title=x::pwned%0A::error::b", "r/\n"),
        ("line\n::error::pwned", "r/\n"),
        ("##[error]x", "r/\n"),
    ],
)
def test_names_from_the_repository_cannot_command_the_pipeline(
    make: Make, name: str, content: str
) -> None:
    state = make({f"{name}/images_path": content, FILE: "%0A::error::pwned\n"})
    for form in ("table", "json", "yaml", "markdown"):
        ran = state.using(GITHUB_ACTIONS="true")("validate", "-o", form)
        assert ran.code == 1
        assert not any(x.lstrip().startswith("::") for x in ran.stdout.splitlines())
        assert "##[" not in ran.stdout
        commands = [x for x in ran.stderr.splitlines() if x]
        assert all(x.startswith(("::error file=", "::warning file=")) for x in commands)
        assert [x.split(",title=")[1].split("::")[0] for x in commands] == sorted(
            ["environment-name", "version"],
            key=lambda rule: name if rule == "environment-name" else FILE,
        )


def test_gitlab_report(make: Make) -> None:
    state = make({FILE: "36a03b3\n", f"{DEV}/image_path": "r/"})
    ran = state("validate", "--annotations", "gitlab")
    assert ran.code == 1
    major, minor = sorted(json.loads(ran.stdout), key=lambda issue: str(issue["severity"]))
    assert major["location"] == {"path": FILE, "lines": {"begin": 1}}
    assert (major["severity"], major["check_name"]) == ("major", "version-short")
    assert minor["severity"] == "minor"
    assert len({major["fingerprint"], minor["fingerprint"]}) == 2
    assert ran.stdout == state("validate", "--annotations", "gitlab").stdout, "stable fingerprints"


def test_nothing_is_written(make: Make) -> None:
    state = make({FILE: "36a03b3\n"})
    git(state.directory, "add", ".")
    before = {p: p.stat().st_mtime_ns for p in state.directory.rglob("*")}
    state("validate")
    state("validate", "--staged")
    assert {p: p.stat().st_mtime_ns for p in state.directory.rglob("*")} == before


def test_lint_is_the_same(make: Make) -> None:
    assert make({}).using(NO_COLOR="1")("lint").ok().stdout == (
        "1 environment, 1 service file: no findings\n"
    )

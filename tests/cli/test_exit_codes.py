"""Every failing path: one error that names file and line, its code from the table, no change."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from gitops_cli.cli.command import within
from gitops_cli.cli.output import Format
from gitops_cli.cli.session import Session, SharedOptions
from gitops_cli.domain import errors
from gitops_cli.domain.change.proposal import Edit, Proposal
from gitops_cli.domain.errors import ExitCode, GitOpsError, worst
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import EXECUTABLE, Gitops, Ran

pytestmark = pytest.mark.sweep

A, B = "a" * 40, "b" * 40
DEV, PROD = "shop-development", "shop-production"
FILE = f"{DEV}/web.deployment"
GOOD = {
    f"{DEV}/images_path": "registry.example.com/shop/\n",
    f"{PROD}/images_path": "registry.example.com/shop/\n",
    FILE: f"{A}\n",
    f"{PROD}/web.deployment": f"{B}\n",
}
PROMOTE = ("promote", "web", "--from", "dev", "--to", "prod", "--yes")
SET = ("set", f"web={B}", "-e", DEV, "--allow-older")
WRITERS = {
    "set": SET,
    "promote": PROMOTE,
    "rollback": ("rollback", "web", "-e", PROD, "--yes"),
    "lock": ("lock", "web", "-e", PROD, "-m", "x"),
    "unlock": ("unlock", "web", "-e", PROD),
    "env add": ("env", "add", "shop-qa", "--images-path", "r/"),
    "env copy": ("env", "copy", DEV, "shop-qa"),
}
READERS = {
    "status": ("status",),
    "history": ("history",),
    "env list": ("env", "list"),
    "config list": ("config", "list"),
}


class Repository:
    """A remote and a clone of it."""

    def __init__(self, gitops: Gitops, directory: Path) -> None:
        self.remote = init_bare(directory / "state.git")
        self.commit(GOOD | {f"{PROD}/web.deployment": f"{A}\n"})
        self.commit(GOOD)
        git(directory, "clone", "-q", self.remote, "clone")
        self.gitops = gitops.at(directory / "clone")

    def commit(
        self, files: Mapping[str, str | None], modes: Mapping[str, str] | None = None
    ) -> None:
        count = git(self.remote, "rev-list", "--count", "--all")
        add_commits(
            self.remote, [Commit("Edit", files, 1_790_000_000 + int(count), modes=modes or {})]
        )

    def refused(self, *arguments: str, code: ExitCode, says: str, via: Gitops | None = None) -> Ran:
        """Run a command that must fail so, with one error and without any change."""
        before = self.everything()
        ran = (via or self.gitops)(*arguments)
        assert ran.code == code, str(ran)
        assert says in ran.stderr, str(ran)
        assert ran.stderr.count("error: ") == 1, str(ran)
        assert "Traceback" not in ran.stderr
        assert self.everything() == before
        return ran

    def everything(self) -> dict[str, bytes]:
        return dict(_files(self.gitops.directory)) | {
            "refs": git(self.remote, "for-each-ref").encode()
        }


def _files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        # A fetch adds objects, and nothing else.
        if path.is_file() and "objects" not in path.parts and not path.is_symlink():
            yield str(path), path.read_bytes()


@pytest.fixture
def repository(gitops: Gitops, tmp_path: Path) -> Repository:
    return Repository(gitops, tmp_path)


BAD_VERSIONS = {
    "empty": ("", 1),
    "two lines": (f"{A}\n{B}\n", 2),
    "CRLF": (f"{A}\r\n", 1),
    "BOM": (f"\ufeff{A}\n", 1),
    "conflict": (f"<<<<<<< x\n{A}\n=======\n{B}\n>>>>>>> y\n", 1),
    "spaces": ("not a tag\n", 1),
    "10 MB": ("a" * 10_000_000, 1),
    "control": ("\x1b[31m\n", 1),
}


@pytest.mark.parametrize(("content", "line"), BAD_VERSIONS.values(), ids=list(BAD_VERSIONS))
def test_a_version_file_that_cannot_be_shipped(
    repository: Repository, content: str, line: int
) -> None:
    repository.commit({FILE: content})
    ran = repository.refused(*PROMOTE, code=ExitCode.USAGE, says=f"{FILE}:{line}: ")
    assert "\x1b" not in ran.stderr
    repository.refused("status", code=ExitCode.USAGE, says=f"{FILE}:{line}: ")
    repository.refused("env", "copy", DEV, "shop-qa", code=ExitCode.USAGE, says=f"{FILE}:{line}: ")


@pytest.mark.parametrize(("mode", "what"), [("120000", "symbolic link"), ("160000", "submodule")])
def test_a_version_that_is_no_file(repository: Repository, mode: str, what: str) -> None:
    target = "../../etc/passwd" if mode == "120000" else git(repository.remote, "rev-parse", "main")
    if mode == "120000":
        repository.commit({FILE: target}, {FILE: mode})
    else:
        _add_submodule(repository, FILE, target)
    repository.refused(*PROMOTE, code=ExitCode.USAGE, says=f"{FILE}:1: is a {what}")
    repository.refused(*SET, code=ExitCode.USAGE, says=f"{FILE}:1: is a {what}")


def _add_submodule(repository: Repository, path: str, commit: str) -> None:
    index = {"GIT_INDEX_FILE": str(repository.remote / "own-index")}
    git(repository.remote, "read-tree", "main", env=index)
    git(repository.remote, "update-index", "--cacheinfo", f"160000,{commit},{path}", env=index)
    tree = git(repository.remote, "write-tree", env=index)
    made = git(repository.remote, "commit-tree", tree, "-p", "main", "-m", "x")
    git(repository.remote, "update-ref", "refs/heads/main", made)


def test_a_directory_of_that_name(repository: Repository) -> None:
    repository.commit({FILE: None, f"{FILE}/inside": "x"})
    repository.refused(*PROMOTE, code=ExitCode.USAGE, says="web")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[stag]\n", "gitops.toml:1: stag"),
        ("x = [\n\n", "gitops.toml:3: "),
        ("stages = 1\n", ":1: "),
    ],
)
@pytest.mark.parametrize("command", ["set", "promote", "env add", "env copy"])
def test_settings_that_cannot_be_read(
    repository: Repository, command: str, content: str, says: str
) -> None:
    repository.commit({"gitops.toml": content})
    repository.refused(*WRITERS[command], code=ExitCode.USAGE, says=says)


@pytest.mark.parametrize("command", sorted(WRITERS))
def test_a_remote_that_is_gone(repository: Repository, command: str) -> None:
    shutil.move(repository.remote, repository.remote.with_suffix(".gone"))
    ran = repository.gitops(*WRITERS[command], "--timeout", "2s")
    assert ran.code == ExitCode.GIT, str(ran)
    assert str(repository.remote) in ran.stderr
    assert ran.stderr.count("error: ") == 1


@pytest.mark.parametrize("command", sorted(WRITERS | READERS))
def test_no_repository_no_commits(gitops: Gitops, tmp_path: Path, command: str) -> None:
    arguments = (WRITERS | READERS)[command]
    away = tmp_path / "away"
    away.mkdir()
    ran = gitops.at(away)(*arguments)
    assert ran.code == (0 if command == "config list" else ExitCode.USAGE), str(ran)
    assert "not in a git repository" in ran.stderr
    git(away, "init", "-q")
    ran = gitops.at(away)(*arguments)
    assert ran.code == (0 if command == "config list" else ExitCode.USAGE), str(ran)
    assert command == "config list" or "-C PATH" in ran.stderr
    assert git(away, "for-each-ref") == ""


@pytest.mark.parametrize("command", sorted(WRITERS))
def test_a_lock_blocks_versions(repository: Repository, command: str) -> None:
    lock = 'by = "Ada"\nreason = "audit"\n'
    repository.commit({f"{DEV}/.lock": lock, f"{PROD}/.lock": lock})
    arguments = WRITERS[command]
    if command in ("set", "promote", "rollback"):
        repository.refused(*arguments, code=ExitCode.BLOCKED, says="/.lock:1: ")
    else:
        assert repository.gitops(*arguments).code == 0


def test_a_freeze_a_policy_an_expectation(repository: Repository) -> None:
    always = '["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]'
    repository.commit({"gitops.toml": f"[stage.production]\nfreeze = {always}\n"})
    repository.refused(*PROMOTE, code=ExitCode.BLOCKED, says="gitops.toml:2: ")
    repository.commit({"gitops.toml": '\n[stage.production]\npromote_from = ["staging"]\n'})
    repository.refused(*PROMOTE, code=ExitCode.BLOCKED, says="gitops.toml:3: ")
    repository.commit({"gitops.toml": None})
    repository.refused(*SET, "--expect", B, code=ExitCode.BLOCKED, says="is recorded, not")


def test_a_protected_stage_without_its_name(repository: Repository) -> None:
    repository.commit({"gitops.toml": "[stage.production]\nprotected = true\n"})
    repository.refused(*PROMOTE, code=ExitCode.USAGE, says=f"--confirm {PROD}")


def test_questions_without_a_terminal_name_the_option(repository: Repository) -> None:
    repository.refused(*PROMOTE[:-1], code=ExitCode.USAGE, says="--yes")
    repository.refused("promote", code=ExitCode.USAGE, says="--")
    ci = repository.gitops.using(CI="true")
    with ci.terminal(*PROMOTE[:-1]) as terminal:
        assert terminal.finish() == ExitCode.USAGE
        assert "--yes" in terminal.text


def test_declined_and_interrupted(repository: Repository) -> None:
    tip = git(repository.remote, "rev-parse", "main")
    for key, code in (("n", ExitCode.NO), ("\x03", ExitCode.INTERRUPTED)):
        with repository.gitops.terminal(*PROMOTE[:-1]) as terminal:
            terminal.wait_for("?")
            terminal.type(key + ("\r" if key == "n" else ""))
            assert terminal.finish() == code
    assert git(repository.remote, "rev-parse", "main") == tip


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("status", "--no-such-option"),
        ("status", "-o", "xml"),
        ("history", "-n", "many"),
        ("set", "web", "-e"),
        ("-C", "/nonexistent", "status"),
        ("status", "-C", "/nonexistent"),
        ("status", "-R", "ext::sh -c id"),
        ("status", "-R", "--upload-pack=id"),
    ],
    ids=" ".join,
)
def test_usage(repository: Repository, arguments: tuple[str, ...]) -> None:
    ran = repository.gitops(*arguments)
    assert (ran.code, ran.stdout) == (ExitCode.USAGE, ""), str(ran)
    assert ran.stderr.strip()
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [("init", "x", "-p", "a", "--images-path"), ("set", "-m")])
def test_an_argument_that_is_not_utf_8(repository: Repository, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(EXECUTABLE), *arguments, b"r\xff/"],
        cwd=repository.gitops.directory,
        env=repository.gitops.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert "error: " in done.stderr


def test_the_users_config(repository: Repository) -> None:
    config = repository.gitops.home / "config/gitops/config.toml"
    config.parent.mkdir(parents=True)
    for content, says in (
        ("outptu = 1\n", ":1: outptu"),
        ("\nrepo = 5\n", ":2: repo"),
        ("=", ":1: "),
    ):
        config.write_text(content)
        assert f"warning: {config}{says}" in repository.gitops("status").ok().stderr
    config.write_text("context = 5\n")
    repository.refused("sync", "--all", code=ExitCode.USAGE, says=f"error: {config}:1: context")


def test_a_bug_is_70_and_never_1(capsys: pytest.CaptureFixture[str]) -> None:
    def work(session: Session) -> None:
        raise RuntimeError("oops")

    with pytest.raises(typer.Exit) as exit_:
        within(SharedOptions(), work)
    assert exit_.value.exit_code == ExitCode.BUG
    assert "bug in gitops" in capsys.readouterr().err


@pytest.mark.parametrize("verbose", [0, 2])
@pytest.mark.parametrize(
    "text",
    [
        "Invalid header value b'Bearer S3CR3T\\n'",
        "authorization: bearer S3CR3T S3CR3T",
        "Basic S3CR3T",
        "cannot read https://me:S3CR3T@example.com/x",
    ],
)
def test_the_report_of_a_bug_has_no_credentials(
    capsys: pytest.CaptureFixture[str], text: str, verbose: int
) -> None:
    def work(session: Session) -> None:
        try:
            raise ValueError(text)
        except ValueError as error:
            asking = RuntimeError(f"while asking: {text}")
            asking.add_note(text)
            raise asking from error

    with pytest.raises(typer.Exit):
        within(SharedOptions(verbose=verbose), work)
    told = capsys.readouterr().err
    assert "while asking" in told
    assert ("Traceback" in told) is bool(verbose)
    assert "S3CR3T" not in told


def test_a_bug_after_a_write_says_that_it_was_written(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(session: Session) -> None:
        edit = Edit(FILE, f"{A}\n".encode(), f"{B}\n".encode())
        session.state.write(lambda snapshot: Proposal((edit,), "Set"))
        raise RuntimeError("oops")

    for name, value in repository.gitops.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(typer.Exit):
        within(SharedOptions(directory=repository.gitops.directory), work)
    tip = git(repository.remote, "rev-parse", "main")
    assert f"error: {tip[:12]} is recorded; after that: this is a bug" in capsys.readouterr().err


def test_a_bug_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    def work(session: Session) -> None:
        raise RuntimeError("\x1b]0;x\x07 Bearer S3CR3T")

    with pytest.raises(typer.Exit):
        within(SharedOptions(output=Format.JSON), work)
    told = json.loads(capsys.readouterr().err)
    assert (told["code"], told["exit_code"]) == ("bug", ExitCode.BUG)
    assert "S3CR3T" not in told["message"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/index"), ExitCode.MACHINE),
        (OSError(errno.EMFILE, "Too many open files"), ExitCode.MACHINE),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), ExitCode.MACHINE),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ExitCode.MACHINE),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), ExitCode.DENIED),
        (OSError(errno.EROFS, "Read-only file system", b"/x\xff"), ExitCode.DENIED),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), ExitCode.USAGE),
        (RuntimeError("can't start new thread"), ExitCode.MACHINE),
        (MemoryError(), ExitCode.MACHINE),
        (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"), ExitCode.USAGE),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
            ExitCode.MACHINE,
        ),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/x"), ExitCode.BUG),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_machine_refuses_is_no_bug(
    capsys: pytest.CaptureFixture[str], error: Exception, code: ExitCode
) -> None:
    def work(session: Session) -> None:
        raise error

    with pytest.raises(typer.Exit) as exit_:
        within(SharedOptions(), work)
    assert exit_.value.exit_code == code
    assert capsys.readouterr().err.count("error: ") == 1


def test_each_error_has_its_code_and_word() -> None:
    classes = list(_subclasses(GitOpsError))
    assert {c.exit_code for c in classes} <= set(ExitCode)
    own = [c.code for c in classes if c.__module__ == errors.__name__]
    assert len(own) == len(set(own)), "a program tells them apart by this word"
    assert len(own) > 20


def _subclasses(cls: type[GitOpsError]) -> Iterator[type[GitOpsError]]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def test_one_code_speaks_for_several() -> None:
    order = (70, 74, 130, 2, 4, 5, 3, 7, 8, 6, 1)
    for first, second in pairwise(order):
        assert worst([ExitCode(second), ExitCode.OK, ExitCode(first)]) == first
    assert worst([]) is ExitCode.OK

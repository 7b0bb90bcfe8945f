"""What is pushed to the state repository runs nothing on the machines that look at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.company import DEV, PROD, with_settings
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

NEW = "b" * 40
READING = {
    "status": ("status", "billing"),
    "history": ("history", "billing", "-e", DEV),
    "promote": ("promote", "billing", "--from", "dev", "--to", "prod", "--dry-run"),
    "set": ("set", f"billing={NEW}", "-e", PROD, "--dry-run"),
    "rollback": ("rollback", "billing", "-e", PROD, "--dry-run", "--yes"),
    "validate": ("validate",),
    "doctor": ("doctor",),
    "env": ("env", "list"),
}
reading = pytest.mark.parametrize("command", READING.values(), ids=READING.keys())


def bare_repository(directory: Path, mark: Path) -> None:
    """Make what a push can hold: a bare repository that fetches, by a command, what it lacks."""
    for name in ("objects", "refs"):
        (directory / name).mkdir(parents=True)
        (directory / name / ".keep").touch()
    (directory / "HEAD").write_text("ref: refs/heads/main\n")
    (directory / "config").write_text(
        "[core]\nrepositoryformatversion = 1\nbare = true\n"
        "[extensions]\npartialClone = origin\n"
        f'[remote "origin"]\nurl = ext::touch {mark}\npromisor = true\n'
        '[protocol "ext"]\nallow = always\n'
    )


@pytest.fixture
def pushed(company: Article, gitops: Gitops, tmp_path: Path) -> Callable[..., Gitops]:
    """Return what pushes such a folder, named as billing's source, and clones it elsewhere."""

    def push(source: str) -> Gitops:
        with_settings(company, f'[service.billing]\nsource = "{source}"\n')
        author = company.clone("author")
        bare_repository(author / "vendor", tmp_path / "ran")
        git(author, "add", "--all")
        git(author, "commit", "-qm", "Add files")
        git(author, "push", "-q")
        return gitops.at(company.clone("victim"))

    return push


@reading
def test_a_source_inside_the_repository_is_refused_by_name(
    pushed: Callable[..., Gitops], command: tuple[str, ...], tmp_path: Path
) -> None:
    done = pushed("vendor")(*command)

    assert not (tmp_path / "ran").exists()
    codes = {"validate": 1, "doctor": 1, "set": 2, "promote": 2}
    assert done.code == codes.get(command[0], 0), str(done)
    assert "gitops.toml:2" in done.stdout + done.stderr
    assert "inside the state repository itself" in done.stdout + done.stderr


@reading
@pytest.mark.parametrize(
    "source", ["../victim/vendor", "{victim}/vendor", "file://{victim}/vendor"]
)
def test_nor_by_any_other_path_to_it(
    pushed: Callable[..., Gitops],
    command: tuple[str, ...],
    source: str,
    company: Article,
    tmp_path: Path,
) -> None:
    done = pushed(source.format(victim=company.directory / "victim"))(*command)

    assert not (tmp_path / "ran").exists()
    assert done.code == 2 or command[0] in {"history", "validate", "rollback", "env", "doctor"}


@reading
def test_a_declared_repository_elsewhere_runs_nothing_either(
    pushed: Callable[..., Gitops], command: tuple[str, ...], tmp_path: Path
) -> None:
    """It may be anybody's: an unpacked archive, a checkout of something else."""
    bare_repository(tmp_path / "elsewhere", tmp_path / "ran")

    pushed(str(tmp_path / "elsewhere"))(*command)

    assert not (tmp_path / "ran").exists()


@reading
def test_a_bare_repository_among_the_files_is_no_repository(
    pushed: Callable[..., Gitops], command: tuple[str, ...], tmp_path: Path
) -> None:
    victim = pushed("../elsewhere")

    inside = victim.at(victim.directory / "vendor" / "refs")(*command)

    assert not (tmp_path / "ran").exists()
    assert inside.code == victim(*command).code


@reading
def test_a_relative_source_means_nothing_to_who_names_a_url(
    pushed: Callable[..., Gitops], command: tuple[str, ...], company: Article, tmp_path: Path
) -> None:
    """It would mean whatever the checkout holds that somebody happens to stand in."""
    elsewhere = pushed("../vendor").using(GITOPS_REPO=f"file://{company.remote}")
    here = company.checkout("authentication")
    bare_repository(here / "vendor", tmp_path / "ran")
    (here / "sub").mkdir()

    done = elsewhere.at(here / "sub")(*command)

    assert not (tmp_path / "ran").exists()
    if command[0] in {"status", "promote"}:
        assert "starts from a checkout of the state repository" in " ".join(done.stderr.split())

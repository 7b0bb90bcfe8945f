"""What lies in the cache is ours, or it is not used."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gitops_cli.domain.errors import Denied, ExitCode, GitOpsError
from gitops_cli.git.cache import cache_directory, check_own, make_private, writing


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return make_private(cache_directory({"XDG_CACHE_HOME": str(tmp_path)}) / "mirrors")


def test_what_we_made_is_ours_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = make_private(cache_directory({"XDG_CACHE_HOME": str(tmp_path / "new")}) / "mirrors")
    finally:
        os.umask(before)

    check_own(made)
    assert made.stat().st_mode & 0o777 == made.parent.stat().st_mode & 0o777 == 0o700


def test_without_a_home_the_folder_that_all_could_have_made_is_looked_at(tmp_path: Path) -> None:
    """Its name is known: /tmp/gitops-cli-UID."""
    made = make_private(tmp_path / f"gitops-cli-{os.getuid()}" / "gitops-cli" / "mirrors")
    made.parents[1].chmod(0o777)

    with pytest.raises(Denied, match="others may write in it"):
        check_own(made / "one.git")


def test_what_is_not_there_is_nobodys(cache: Path) -> None:
    check_own(cache / "none.git")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
@pytest.mark.parametrize("place", ["", "..", "one.git"])
def test_what_others_may_write_is_not_used(cache: Path, place: str, mode: int) -> None:
    (cache / "one.git").mkdir(mode=0o700)
    (cache / place).resolve().chmod(mode)

    with pytest.raises(Denied, match="others may write in it"):
        check_own(cache / "one.git")


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("place", ["", "..", "one.git"])
def test_what_is_somebody_elses_is_not_used(cache: Path, place: str) -> None:
    (cache / "one.git").mkdir(mode=0o700)
    os.chown((cache / place).resolve(), 12345, 12345)

    with pytest.raises(Denied, match="belongs to somebody else") as caught:
        check_own(cache / "one.git")

    assert "XDG_CACHE_HOME" in str(caught.value.hint)


def test_a_link_is_not_followed(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (cache / "one.git").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Denied):
        check_own(cache / "one.git")


def test_under_sudo_it_is_still_the_callers(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(cache, 12345, 12345)
    monkeypatch.setenv("SUDO_UID", "12345")

    check_own(cache)


@pytest.mark.parametrize(
    ("number", "code", "elsewhere"),
    [
        (errno.EACCES, ExitCode.DENIED, True),
        (errno.EROFS, ExitCode.DENIED, True),  # a container's own files
        (errno.ENOENT, ExitCode.GIT, True),
        (errno.ENOSPC, ExitCode.GIT, False),
    ],
)
def test_what_the_file_system_refuses_says_where_else(
    tmp_path: Path, number: int, code: ExitCode, elsewhere: bool
) -> None:
    with pytest.raises(GitOpsError) as raised, writing(tmp_path):
        raise OSError(number, os.strerror(number))

    assert raised.value.exit_code is code
    assert ("XDG_CACHE_HOME" in (raised.value.hint or "")) == elsewhere

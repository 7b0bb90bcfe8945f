"""The checkout of a service's source that a command is started in. It is never written."""

from __future__ import annotations

from pathlib import Path

from gitops_cli.domain.text import visible
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import is_commit
from gitops_cli.git.config import Config, read_config
from gitops_cli.git.discovery import git_around, why_none
from gitops_cli.git.environment import git_environment
from gitops_cli.git.process import Git
from gitops_cli.git.remote import HEADS


class Checkout(NamedTuple):
    """A git work tree: its root, HEAD, branch and where it was cloned from.

    `remote` is as it was configured: git and ssh rewrite it when they connect. `means` is what they
    make of it, None: nothing else. `within` is where the command stands below the root: empty
    there.
    """

    root: Path
    head: str | None
    branch: str | None
    remote: str | None
    means: str | None = None
    within: str = ""

    @property
    def address(self) -> str | None:
        """Return the URL that means the same to others: an alias is this person's own."""
        return self.means or self.remote

    @property
    def remotes(self) -> tuple[str, ...]:
        """Return the URLs that it goes by; none without a remote."""
        return tuple(url for url in (self.remote, self.means) if url is not None)


def checkout_at(directory: Path) -> Checkout | None:
    """Return the checkout around a directory; None if there is none.

    Raises Denied or GitError for one that git does not read: another user's, a broken one.
    """
    git = reading(directory)
    # Each line as far as git gets: a repository without commits has no HEAD to show.
    wanted = ("--is-inside-work-tree", "--show-toplevel", "HEAD", "--symbolic-full-name", "HEAD")
    done = git.run("rev-parse", *wanted)
    inside, root, head, ref = [*done.text.split("\n"), "", "", "", ""][:4]
    if not inside and (error := why_none(done, directory)) is not None:
        raise error
    if inside != "true":
        return None
    if not is_commit(head):
        ref = git.run("symbolic-ref", "--quiet", "HEAD").text
    config = read_config(git)
    remote = remote_of(config)
    return Checkout(
        Path(root),
        head if is_commit(head) else None,
        visible(ref.removeprefix(HEADS)) if ref.startswith(HEADS) else None,
        remote,
        _meant(remote, config),
        _within(Path(root), directory),
    )


def _within(root: Path, directory: Path) -> str:
    root, directory = root.resolve(), directory.resolve()
    if directory == root or not directory.is_relative_to(root):
        return ""
    return directory.relative_to(root).as_posix()


def _meant(remote: str | None, config: Config) -> str | None:
    """Return what git and ssh make of a URL; None if that is nothing else."""
    plain = ("/", ".", "file:", "http:", "https:")
    if remote is None or (remote.startswith(plain) and not config.rewrites_urls):
        return None
    from gitops_cli.git.aliases import addresses

    meant = addresses(remote, config)[-1]
    return None if meant == remote else meant


def reading(directory: Path) -> Git:
    """Return git for reading the repository around a directory."""
    return git_around(directory, git_environment()).obeying_nothing()


def remote_of(config: Config) -> str | None:
    """Return the URL of `origin`, else of the only remote, as it was configured."""
    # Rewriting (insteadOf) is git's business when it connects.
    names = config.names("remote", "url")
    name = "origin" if "origin" in names else names[0] if len(names) == 1 else None
    return (config.all(f"remote.{name}.url") or (None,))[0]


def address_of(directory: Path) -> str | None:
    """Return the URL of a repository's remote, as it means the same to others."""
    config = read_config(reading(directory))
    remote = remote_of(config)
    return _meant(remote, config) or remote

"""Finds the repository around a directory, and the branch and remote that hold the state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.recorded.environment import IMAGES_PATH, KIND_OF_SUFFIX
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.config import Config, finish_listing, start_listing, without_questions
from gitops_cli.git.discovery import git_around, is_inside_git, why_none
from gitops_cli.git.process import Git, text_of
from gitops_cli.git.remote import HEADS, check_url


class Location(NamedTuple):
    """A repository on this machine. `head` is the branch checked out; None when detached."""

    git: Git
    config: Config
    git_dir: Path
    common_dir: Path
    worktree: Path | None
    head: str | None

    @property
    def path(self) -> Path:
        """Return the path a person would name."""
        return self.worktree or self.git_dir


class Remote(NamedTuple):
    """Where the state comes from and goes to.

    `ref` None: the remote's HEAD decides. The URLs are as configured: git itself applies
    `insteadOf`. `others`: what `git push` goes to as well; a compare-and-swap goes to one.
    """

    name: str
    url: str
    push_url: str
    ref: str | None
    others: tuple[str, ...] = ()


def find_location(start: Path, environment: Mapping[str, str]) -> Location | None:
    """Return the repository around a directory; None if there is none. Raises Denied …."""
    if not start.is_dir():
        raise UsageError(f"{start}: there is no such directory")
    if is_inside_git(start):
        raise _inside_git(start)
    here = git_around(start.absolute(), environment)
    with start_listing(here) as listing:  # it says the same wherever in the repository
        found = _whereabouts(here)
        if found is None:
            return None
        bare, inside, git_dir, common_dir, *top = found
        if bare != "true" and inside != "true":
            raise _inside_git(start)
        config = finish_listing(listing)
    worktree = Path(top[0]) if top else None
    # From the top: git takes the paths it is given as relative to where it runs.
    git = here._replace(directory=worktree or Path(git_dir))
    return Location(
        git=git._replace(environment=without_questions(environment, config)),
        config=config,
        git_dir=Path(git_dir),
        common_dir=(here.directory / common_dir).resolve(),
        worktree=worktree,
        head=read_head(git, Path(git_dir)),
    )


def _inside_git(start: Path) -> UsageError:
    return UsageError(f"{start} is inside the .git directory", hint="go to the files, or pass -C")


def _whereabouts(git: Git) -> list[str] | None:
    """Return git's answers on where it is; None: in no repository."""
    done = git.run(
        "rev-parse",
        "--is-bare-repository",
        "--is-inside-work-tree",
        "--absolute-git-dir",
        "--git-common-dir",
        "--show-toplevel",  # last, because it fails where there is no work tree
    )
    lines = done.text.split("\n")
    if len(lines) >= 4:
        return lines
    if (error := why_none(done, git.directory)) is not None:
        raise error
    return None


def read_head(git: Git, git_dir: Path) -> str | None:
    """Return the ref HEAD names; read from the file, git asked only where that cannot tell."""
    head = git_dir / "HEAD"
    text = "" if head.is_symlink() else text_of(head.read_bytes())
    if text.startswith("ref: ") and not text.endswith(".invalid"):
        return text.removeprefix("ref: ")
    if text and not text.startswith("ref: "):
        return None
    return git.run("symbolic-ref", "-q", "HEAD").text or None


def holds_state(location: Location) -> bool:
    """Tell whether the repository looks like a state repository, not like a service's source.

    One without a file and a commit is no service yet: it may become a state repository.
    """
    if location.worktree is not None:
        root = location.worktree
        if (root / SETTINGS).is_file():
            return True
        if _names(root) == [".git"]:
            return location.git.run("rev-parse", "-q", "--verify", "HEAD").code != 0
        return any(
            any(map(_is_state_file, _names(directory)))
            for directory in root.iterdir()
            if directory.is_dir() and not directory.name.startswith(".")
        )
    done = location.git.run("ls-tree", "-r", "-z", "--name-only", "HEAD")
    if done.code != 0:
        return True
    paths = done.out.decode(errors="replace").split("\0")
    return any(
        path == SETTINGS or (path.count("/") == 1 and _is_state_file(path.partition("/")[2]))
        for path in paths
    )


def _names(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in directory.iterdir()]
    except PermissionError:
        return []


def _is_state_file(name: str) -> bool:
    return name == IMAGES_PATH or Path(name).suffix in KIND_OF_SUFFIX


def find_remote(location: Location) -> Remote | None:
    """Return the remote that holds the state; None for a repository without remotes.

    That is the upstream of the branch checked out, else `origin`, else the only remote.
    """
    config, head = location.config, location.head
    name, ref = _upstream(config, head)
    if name is None:
        names = config.names("remote", "url")
        if not names:
            return None
        if "origin" not in names and len(names) > 1:
            raise ConfigurationError(
                f"{location.path}: several remotes ({one_line(', '.join(names))}), and the branch "
                "has no upstream",
                hint="choose one: git branch --set-upstream-to REMOTE/BRANCH",
            )
        name = "origin" if "origin" in names else names[0]
    urls = [url for url in config.all(f"remote.{name}.url") if url] or [name]
    url = urls[0]  # git fetches from the first, and pushes to all
    pushed = [url for url in config.all(f"remote.{name}.pushurl") if url] or urls
    if ref is None:
        ref = _default_ref(location, name)
    push_url = url if url in pushed else pushed[0]
    others = tuple(other for other in pushed if other != push_url)
    return Remote(name, check_url(url), check_url(push_url), ref, others)


def _upstream(config: Config, head: str | None) -> tuple[str | None, str | None]:
    if head is None or not head.startswith(HEADS):
        return None, None
    branch = head.removeprefix(HEADS)
    name, ref = config.get(f"branch.{branch}.remote"), config.get(f"branch.{branch}.merge")
    if not name or not ref or name == ".":
        return None, None
    return name, ref


def _default_ref(location: Location, name: str) -> str | None:
    """Return the remote's branch where no upstream says it: of the same name, or its HEAD."""
    config, head = location.config, location.head
    if head is not None:
        same = tracking_ref(config, name, head)
        if same is not None and location.git.run("rev-parse", "-q", "--verify", same).code == 0:
            return head
    prefix = tracking_ref(config, name, HEADS)
    if prefix is None:
        return None
    target = location.git.run("symbolic-ref", "-q", f"{prefix}HEAD").text
    return HEADS + target.removeprefix(prefix) if target.startswith(prefix) else None


def tracking_ref(config: Config, name: str, ref: str) -> str | None:
    """Return the ref that a fetch of remote `name` would store `ref` in."""
    for spec in config.all(f"remote.{name}.fetch"):
        source, colon, target = spec.removeprefix("+").partition(":")
        if not colon or source.startswith("^"):
            continue
        if source == ref:
            return target
        head, star, tail = source.partition("*")
        if star and ref.startswith(head) and ref.endswith(tail):
            return target.replace("*", ref[len(head) : len(ref) - len(tail)], 1)
    return None

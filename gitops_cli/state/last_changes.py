"""Finds the commit that last changed each of many files, remembering what it found.

A branch only grows, so what was true at an older tip holds for every file that the commits since
then leave alone: only those are read. Exact, because it is checked that the branch went from the
older tip to the new one; otherwise everything is read again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gitops_cli.domain.errors import Denied, GitError
from gitops_cli.domain.past.commits import RENAME, LastChange
from gitops_cli.domain.values import NamedTuple
from gitops_cli.git.cache import cache_name, check_own, make_private, replace_file
from gitops_cli.git.objects import parse_commit
from gitops_cli.state.history import History
from gitops_cli.state.log import BranchStep
from gitops_cli.state.steps import steps

_FORMAT = 3
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


class Known(NamedTuple):
    """Path → the commit that last changed it, at one tip; None: the path is not there.

    `gone` has the commits that removed paths, and `pulls` tells of merges of `git pull`; of all
    that ever were only if `whole`.
    """

    tip: str | None
    commits: Mapping[str, str | None] = MappingProxyType({})
    gone: Mapping[str, str] = MappingProxyType({})
    whole: bool = False
    pulls: bool = False


def last_changes(
    history: History, paths: frozenset[str], tip: str, cache: Path
) -> dict[str, LastChange]:
    """Return the last change of each path that exists at `tip`; see StateRepository."""
    found = _known(history, tip, cache, paths)
    wanted = {path: commit for path in paths if (commit := found.commits[path]) is not None}
    return described(history, wanted)


def removed_files(history: History, tip: str, cache: Path) -> Mapping[str, str]:
    """Return every path that was there once and is not at `tip`, with the commit that removed it.

    The first time this walks the whole history. Whoever reads on need not look for pulls then.
    """
    found = _known(history, tip, cache, None)
    if not found.pulls:
        history.line(tip).is_straight = True
    return found.gone


def _known(history: History, tip: str, cache: Path, paths: frozenset[str] | None) -> Known:
    """Return what is known of the paths (None: of all), and remember it."""
    file = cache_file(history, cache)
    known = _load(file, history.branch)
    found = _update(history, known, tip)
    missing = None if paths is None else paths - found.commits.keys()
    if not found.whole and (missing is None or missing):
        found = _complete(history, found, tip, missing)
    elif missing:
        found = found._replace(commits={**found.commits, **dict.fromkeys(missing)})
    if found != known:
        with suppress(Denied, GitError):  # a cache that cannot be written only costs time
            make_private(file.parent)
            kept = {
                "format": _FORMAT,
                "branch": history.branch,
                "tip": found.tip,
                "commits": dict(found.commits),
                "gone": dict(found.gone),
                "whole": found.whole,
                "pulls": found.pulls,
            }
            replace_file(file, json.dumps(kept).encode())
    return found


def _update(history: History, known: Known, tip: str) -> Known:
    """Bring what is known to a newer tip; forget it where the tip does not build on it."""
    if known.tip is None or known.tip == tip:
        return known if known.tip == tip else Known(tip)
    if history.reader.commit(known.tip) is None:
        return Known(tip)
    commits: dict[str, str | None] = {}
    gone: dict[str, str] = {}
    below, pulls = tip, known.pulls
    with closing(steps(history, tip, but=known.tip)) as walk:
        for step in walk:
            below = step.parent
            pulls = pulls or step.is_pull
            _note(step, commits, gone)
    if below != known.tip:
        return Known(tip)
    still_gone = {path: by for path, by in known.gone.items() if path not in commits}
    return Known(tip, {**known.commits, **commits}, {**still_gone, **gone}, known.whole, pulls)


def _complete(history: History, known: Known, tip: str, missing: Collection[str] | None) -> Known:
    """Walk down from the tip until every missing path was seen, or (None) to the first commit."""
    commits, gone = dict(known.commits), dict(known.gone)
    seen: dict[str, str | None] = {}
    left, pulls = set(missing or ()), False
    with closing(steps(history, tip)) as walk:
        for step in walk:
            pulls = pulls or step.is_pull
            _note(step, seen, gone)
            left.difference_update(step.changed)
            if missing is not None and not left:
                return Known(tip, {**commits, **seen}, gone, whole=False)
    return Known(tip, {**commits, **dict.fromkeys(left), **seen}, gone, whole=True, pulls=pulls)


def _note(step: BranchStep, commits: dict[str, str | None], gone: dict[str, str]) -> None:
    """Enter the paths that no newer commit has changed."""
    for path, line in step.changed.items():
        if path in commits:
            continue
        is_there = not line.endswith("D")
        commits[path] = step.commit if is_there else None
        if not is_there:
            gone[path] = step.commit


def described(history: History, commits: Mapping[str, str]) -> dict[str, LastChange]:
    """Return who made the commit of each path, and when; raises GitError."""
    hashes = sorted(set(commits.values()))
    found: dict[str, LastChange] = {}
    for name, each in zip(hashes, history.reader.many(hashes), strict=True):
        if each is None:
            raise GitError(f"commit {name} is missing; try `git fsck`")
        commit = parse_commit(each)
        renames = commit.trailers.get("Gitops-Action") == RENAME
        found[name] = LastChange(name, commit.committed_at, commit.author, renames)
    return {path: found[commit] for path, commit in commits.items()}


def cache_file(history: History, cache: Path, kind: str = "") -> Path:
    """Return where something of the repository's past is remembered."""
    git = history.git
    repository = str(git.git_dir or git.directory)
    return cache / "changes" / f"{cache_name(repository)}{kind}.json"


def _load(file: Path, branch: str | None) -> Known:
    """Return what the cache holds of a branch; whatever is wrong with it makes it empty."""
    try:
        check_own(file.parent)
        document: Any = json.loads(file.read_bytes())
        if document["format"] != _FORMAT or document["branch"] != branch:
            return Known(None)
        commits, gone = document["commits"], document["gone"]
        there = (value for value in commits.values() if value is not None)
        hashes = (document["tip"], *gone.values(), *there)
        if all(map(_HASH.match, hashes)):
            whole, pulls = document["whole"] is True, document["pulls"] is not False
            return Known(document["tip"], commits, gone, whole, pulls)
    except (Denied, OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return Known(None)

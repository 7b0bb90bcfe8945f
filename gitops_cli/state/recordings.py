"""When versions were recorded whose files have got another name since.

A rename is the last change of its file, but what people ask is since when the version is there. The
answer never changes, so it is remembered beside the last changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from gitops_cli.domain.errors import Denied, GitError
from gitops_cli.domain.past.commits import LastChange
from gitops_cli.git.cache import check_own, make_private, replace_file
from gitops_cli.state.history import History
from gitops_cli.state.last_changes import cache_file, described

_PAIR = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64})\Z")


class Recording(NamedTuple):
    """The commit that gave a file its name, and the one that recorded what is in it."""

    named: str
    recorded: str


def before_renames(
    history: History, renamed: Mapping[str, LastChange], cache: Path
) -> dict[str, LastChange]:
    """Return the last change of each file's content; `renamed` are changes of its name."""
    file = cache_file(history, cache, "-renamed")
    known = _load(file)
    found = {
        path: known[path]
        if path in known and known[path].named == change.commit
        else Recording(change.commit, _recorded(history, path, change.commit))
        for path, change in renamed.items()
    }
    if any(known.get(path) != each for path, each in found.items()):
        with suppress(Denied, GitError):  # a cache that cannot be written only costs time
            make_private(file.parent)
            kept = {path: " ".join(each) for path, each in {**known, **found}.items()}
            replace_file(file, json.dumps(kept).encode())
    return described(history, {path: each.recorded for path, each in found.items()})


def _recorded(history: History, path: str, named: str) -> str:
    change = next(history.of_file(path, named, limit=1), None)
    return named if change is None else change.commit.hash


def _load(file: Path) -> dict[str, Recording]:
    """Return what the cache holds; whatever is wrong with it makes it empty."""
    try:
        check_own(file.parent)
        document: Any = json.loads(file.read_bytes())
        pairs = {path: _PAIR.match(text) for path, text in document.items()}
    except (Denied, OSError, ValueError, TypeError, AttributeError):
        return {}
    return {path: Recording(*pair.groups()) for path, pair in pairs.items() if pair is not None}

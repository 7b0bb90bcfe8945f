"""Say what programs of a repository may run on this machine, and hold others to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.errors import GitOpsError, UsageError
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.settings import BadSettings
from gitops_cli.domain.steps.content import (
    Content,
    Declared,
    Difference,
    Trusted,
    declared_programs,
    differences,
    digest_of,
    paths_of,
)
from gitops_cli.domain.steps.report import Untrusted
from gitops_cli.domain.text import one_line, plural
from gitops_cli.steps.trusted import TrustStore

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository

_NAMED = 3  # files in a refusal
_MOST_LINES = 400  # of differences, for people


class Programs(NamedTuple):
    """All that a commit declares as programs, its files, and what was trusted before."""

    repository: str
    commit: str
    programs: tuple[Declared, ...]
    content: Content
    before: Trusted | None

    @property
    def digest(self) -> str:
        return digest_of(self.programs, self.content)

    @property
    def is_trusted(self) -> bool:
        """Tell whether this very content is trusted on this machine."""
        return self.before is not None and self.before.digest == self.digest

    @property
    def differences(self) -> Iterator[tuple[str, Difference]]:
        """Yield how each file lies to what was trusted before."""
        return differences(self.content, {} if self.before is None else self.before.files)


def programs_of(state: StateRepository, snapshot: Snapshot, store: TrustStore) -> Programs:
    """Return what the snapshot's commit declares. Raises BadSettings, InvalidState, Denied."""
    if snapshot.commit is None:
        raise UsageError(
            "steps and checks run from a commit, never from files that are not committed",
            hint="commit and push them, then leave --worktree out",
        )
    wrong = [d for d in snapshot.team.defects if not d.key or d.key[2:3] in _PROGRAMS]
    if wrong:
        raise BadSettings(*wrong)
    programs = declared_programs(snapshot)
    content = state.tracked_files(snapshot.commit, paths_of(programs)) if programs else {}
    identity = state.identity
    return Programs(identity, snapshot.commit, programs, content, store.find(identity))


_PROGRAMS = (("step",), ("check",))


def keep_trust(found: Programs, store: TrustStore, now: datetime) -> Trusted:
    """Trust exactly this, and nothing else of the repository."""
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    files = {path: file.digest for path, file in found.content.items()}
    named = tuple(program.heading for program in found.programs)
    trusted = Trusted(found.repository, found.digest, found.commit, at, files, named)
    store.keep(trusted)
    return trusted


def check_trusted(found: Programs) -> None:
    """Raise Untrusted unless this very content is trusted here; nothing has run then."""
    if found.is_trusted:
        return
    where = f"{SETTINGS}:{min((program.line for program in found.programs), default=1)}"
    if found.before is None:
        count = plural(len(found.programs), "program")
        raise Untrusted(
            f"{where}: declares {count} to run here, and this machine trusts none of "
            f"{found.repository}; nothing has run",
            hint="see what they are, and trust them: gitops trust",
        )
    changed = [path for path, how in found.differences if how is not Difference.SAME]
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    what = ", ".join(map(one_line, changed[:_NAMED])) + more or "what gitops.toml says of them"
    raise Untrusted(
        f"{where}: programs changed since they were trusted here: {what}; nothing has run",
        hint="see the difference, and trust it: gitops trust",
    )


def text_differences(found: Programs, state: StateRepository) -> Iterator[str]:
    """Yield how texts differ from what was trusted, as far as that commit is still known."""
    before = found.before
    if before is None:
        return
    changed = [path for path, how in found.differences if how is Difference.CHANGED]
    old: Mapping[str, bytes] = {}
    with suppress(GitOpsError):
        kept = state.tracked_files(before.commit, changed)
        old = {p: f.data for p, f in kept.items() if before.files.get(p) == f.digest}
    told = 0
    for path in changed:
        for line in _unified(path, old.get(path), found.content[path].data):
            told += 1
            if told > _MOST_LINES:
                yield f"… more: git diff {before.commit[:12]} {found.commit[:12]}"
                return
            yield line


def _unified(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    if old is None or b"\0" in old + new:
        return
    one, other = (data.decode(errors="replace").splitlines() for data in (old, new))
    yield from difflib.unified_diff(one, other, path, path, lineterm="")

"""What a command wants written to the state repository, and what came of it."""

from __future__ import annotations

from gitops_cli.domain.values import NamedTuple


class Actor(NamedTuple):
    """A person or a CI job, as git names an author."""

    name: str
    email: str


class Edit(NamedTuple):
    """One file's content before and after; None means that the file is absent.

    `old` is what the proposal was computed from. White space around it does not count. `mode` is
    the file's as git writes it; None: the one it has, or that of a plain file.
    """

    path: str
    old: bytes | None
    new: bytes | None
    mode: str | None = None


class Move(NamedTuple):
    """A file or a directory with all that is in it under another name; `to` None: removed."""

    path: str
    to: str | None


class Proposal(NamedTuple):
    """One commit, computed from a snapshot and nothing else.

    `moves` come first: an edit of a moved file names its new path, as one of a new file.
    `trailers` keep their order. Neither `subject` nor `body` can forge one. `sign_off`: with the
    Signed-off-by of whoever commits, as `git commit -s` writes it.
    """

    edits: tuple[Edit, ...]
    subject: str
    body: str = ""
    trailers: tuple[tuple[str, str], ...] = ()
    sign_off: bool = False
    moves: tuple[Move, ...] = ()


class Written(NamedTuple):
    """What a write did.

    `commit` is ours, or without a change the tip that already said so (None: no commits at all);
    `parent` is the tip the proposal was computed from.
    """

    commit: str | None
    changed: bool
    parent: str | None
    proposal: Proposal
    attempts: int
    notes: tuple[str, ...] = ()

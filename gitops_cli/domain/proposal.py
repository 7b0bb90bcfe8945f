"""What a command wants written to the state repository, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a CI job, as git names an author."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One file's content before and after; None means that the file is absent.

    `old` is what the proposal was computed from. White space around it does not count.
    """

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One commit, computed from a snapshot and nothing else.

    `trailers` keep their order. Neither `subject` nor `body` can forge one.
    """

    edits: tuple[Edit, ...]
    subject: str
    body: str = ""
    trailers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
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

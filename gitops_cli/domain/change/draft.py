"""The commit that a change of recorded versions becomes: files, subject, trailers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from gitops_cli.domain.change.intent import version_path
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override
from gitops_cli.domain.change.proposal import Edit, Proposal, Written
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind
from gitops_cli.domain.recorded.team import CommitRules
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import SHORT, Version

if TYPE_CHECKING:
    from gitops_cli.domain.change.files import ManifestsPart
    from gitops_cli.domain.change.gates import Report
    from gitops_cli.domain.change.request import ReviewBranch
    from gitops_cli.domain.change.several import Drafts
    from gitops_cli.domain.recorded.locks import Lock

NAMED_IN_SUBJECT = 3  # services; more would not fit on a line
SKIP_CI = "[skip ci]"
LONGEST_SELECTION = 100  # characters of services' names in the name of a branch


class Verb(StrEnum):
    """What a commit does: the value of its Gitops-Action trailer."""

    SET = "set"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    LOCK = "lock"
    UNLOCK = "unlock"
    REMOVE = "remove"
    RENAME = "rename"
    APPROVE = "approve"
    CAPTURE = "capture"
    ENV = "env"


class Occasion(NamedTuple):
    """Why something is written, on whose behalf, and what the team wants its commits to look like.

    `run` is the address of the CI run.
    """

    verb: Verb
    reason: str | None = None
    run: str | None = None
    source: EnvironmentName | None = None
    source_times: Mapping[ServiceName, datetime] = MappingProxyType({})
    overrides: Sequence[Override] = ()
    rules: CommitRules = CommitRules()


class Draft(NamedTuple):
    """What a writer does on one tip: `changes` are written, `unchanged` was so already.

    `gates` is what those of the stage say of the changes. `manifests`: what is written of these.
    """

    verb: Verb
    environment: EnvironmentName
    changes: tuple[Change, ...]
    unchanged: tuple[Change, ...]
    proposal: Proposal
    source: EnvironmentName | None = None
    reason: str | None = None
    overrides: tuple[Override, ...] = ()
    warnings: tuple[str, ...] = ()
    held: tuple[ServiceName, ...] = ()
    gates: tuple[Report, ...] = ()
    manifests: ManifestsPart | None = None

    @property
    def writes(self) -> bool:
        """Tell whether versions or manifests are written."""
        return bool(self.changes) or self.manifests is not None

    @property
    def parts(self) -> tuple[Draft, ...]:
        """Return the drafts of single environments that it consists of: itself."""
        return (self,)


def written(draft: Draft | Drafts) -> str:
    """Return how much is written: `2 services and 3 manifests`."""
    files = sum(len(part.manifests.edits) for part in draft.parts if part.manifests is not None)
    counts = [(len(draft.changes), "service"), (files, "manifest")]
    return " and ".join(plural(count, what) for count, what in counts if count) or "nothing"


def review_branch(
    environment: EnvironmentName,
    services: Sequence[ServiceName] = (),
    *,
    stage: str | None = None,
    verb: Verb = Verb.PROMOTE,
) -> str:
    """Return the branch a change of these services (none: of all) waits on; `stage`: of that
    stage of several projects, whatever environments are called.

    Each selection has its own: a proposal replaces the one before it on its branch, and must not
    replace what somebody else proposed for another service.
    """
    branch = f"gitops/{verb}/{environment if stage is None else f'+{stage}'}"
    named = "+".join(sorted(services))
    if len(named) > LONGEST_SELECTION:
        import hashlib  # with OpenSSL, 4 ms that most promotions do without

        named = hashlib.sha256(named.encode()).hexdigest()[:12]
    return f"{branch}+{named}" if named else branch


class WriteOutcome(NamedTuple):
    """What came of a draft; `written` is None where nothing had to be, or was to be, written."""

    draft: Draft | Drafts
    written: Written | None = None
    dry_run: bool = False
    review: ReviewBranch | None = None

    @property
    def changed(self) -> bool:
        """Tell whether there is a new commit."""
        return self.written is not None and self.written.changed


class LockDraft(NamedTuple):
    """What a lock or an unlock does on one tip.

    `locks` are new, or were taken away; `replaced` held until new ones took their place. `held_by`
    is the environment's own lock, where one of services goes and that one stays.
    """

    verb: Verb
    environment: EnvironmentName
    locks: tuple[Lock, ...]
    proposal: Proposal
    replaced: tuple[Lock, ...] = ()
    held_by: Lock | None = None


def version_edits(
    environment: Environment,
    changes: Sequence[Change],
    kinds: Mapping[ServiceName, Kind],
    *,
    spoiled: Mapping[str, bytes] | None = None,
) -> tuple[Edit, ...]:
    """Return the files to write; `spoiled` has the content of those that cannot be read."""

    def edit(change: Change) -> Edit:
        kind = kinds.get(change.service, Kind.DEPLOYMENT)
        path = version_path(environment, change.service, kind)
        old = f"{change.current}\n".encode() if change.current else (spoiled or {}).get(path)
        new = f"{change.desired}\n".encode() if change.desired else None
        return Edit(path, old, new)

    return tuple(edit(change) for change in changes)


def proposal_of(
    environment: EnvironmentName,
    changes: Sequence[Change],
    edits: tuple[Edit, ...],
    occasion: Occasion,
    *,
    held: Sequence[ServiceName] = (),
    manifests: ManifestsPart | None = None,
) -> Proposal:
    """Return the commit that records the changes, and locks the `held` services with them."""
    if changes or held or manifests is not None:
        what = summary(changes, occasion, held, manifests)
    else:
        what = f"{occasion.verb} {plural(len(edits), 'file')}"
    body = "" if len(changes) <= 1 else "\n".join(described(change) for change in changes)
    services = [change.service for change in changes] or held
    return commit_of(environment, services, edits, occasion, what, body)


def commit_of(
    environment: EnvironmentName,
    services: Sequence[ServiceName],
    edits: tuple[Edit, ...],
    occasion: Occasion,
    what: str,
    body: str = "",
    *,
    where: str | None = None,
) -> Proposal:
    """Return the commit that says `what`, as the team wants commits; every writer's is made here.

    Where the message is the subject, what is done begins the body. `where` is what the subject
    calls the environment, where that is several.
    """
    called = where or environment
    rules, usual = occasion.rules, f"{called}: {what}"
    if rules.message_as_subject and occasion.reason:
        subject, body = one_line(occasion.reason), f"{usual}\n\n{body}".strip()
    elif rules.subject is None:
        subject = usual
    else:
        named = {"services": _named(services), "summary": what}
        here = {"environment": called, "action": occasion.verb.value}
        from gitops_cli.domain.recorded.template import filled  # few teams have one

        subject = filled(rules.subject, {**here, **named})
    if rules.skip_ci:
        subject = f"{subject} {SKIP_CI}"
    notes = tuple(trailers(environment, services, occasion))
    return Proposal(edits, subject, body, notes, rules.sign_off)


def summary(
    changes: Sequence[Change],
    occasion: Occasion,
    held: Sequence[ServiceName] = (),
    manifests: ManifestsPart | None = None,
) -> str:
    """Return what the changes are in a few words, without the environment."""
    then = " and hold" if held else ""
    how = "roll back " if occasion.verb is Verb.ROLLBACK else ""
    where = f" from {occasion.source}" if occasion.source else ""
    more = "" if manifests is None else f", {manifests.what}" if changes else manifests.what
    if not changes:
        return f"{how}{more}{where}{then}" if more else f"hold {_named(held)}"
    if len(changes) == 1:
        return how + described(changes[0]) + more + then
    names = _named([change.service for change in changes])
    return f"{how}{plural(len(changes), 'service')}{where} ({names}){more}{then}"


def _named(services: Sequence[ServiceName]) -> str:
    names = list(services[:NAMED_IN_SUBJECT])
    if len(services) > NAMED_IN_SUBJECT:
        names.append(ServiceName("…"))
    return ", ".join(names)


def described(change: Change) -> str:
    """Return `authentication 36a03b3 → 8f14e45` for people."""
    old, new = in_short(change.current, change.desired)
    return f"{change.service} {old or 'new'} → {new or 'removed'}"


def in_short(old: Version | None, new: Version | None) -> tuple[str, str]:
    """Return two versions as short as they can be told apart; empty for None."""
    if old is None or new is None or old == new:
        return _shown(old), _shown(new)
    if old.tag == new.tag:
        return _pinned(old), _pinned(new)
    if old.short != new.short or not (old.is_commit and new.is_commit):
        return old.short, new.short
    length = SHORT
    while old.tag[:length] == new.tag[:length]:
        length += 1
    return old.tag[:length], new.tag[:length]


def _shown(version: Version | None) -> str:
    return version.short if version else ""


def _pinned(version: Version) -> str:
    digest = version.digest.partition(":")[2][:SHORT] if version.digest else "no digest"
    return f"{version.short}@{digest}"


def trailers(
    environment: EnvironmentName, services: Sequence[ServiceName], occasion: Occasion
) -> Iterator[tuple[str, str]]:
    """Yield the trailers that history reads; files say what changed, these say why."""
    yield "Gitops-Action", occasion.verb
    yield "Gitops-Env", environment
    if services:
        yield "Gitops-Service", ", ".join(services)
    if occasion.source:
        yield "Gitops-From", occasion.source
    if occasion.reason:
        yield "Gitops-Reason", occasion.reason
    if occasion.overrides:
        yield "Gitops-Override", ", ".join(occasion.overrides)
    if occasion.run:
        yield "Gitops-Run", occasion.run
    times = {s: t for s, t in occasion.source_times.items() if s in services}
    if times:
        yield "Gitops-Source-Time", source_times_text(times, alone=len(services) == 1)


def source_times_text(times: Mapping[ServiceName, datetime], *, alone: bool) -> str:
    """Return the value of the trailer: one time, or `service=time` for each of several."""
    if alone:
        return next(iter(times.values())).isoformat()
    return ", ".join(f"{service}={at.isoformat()}" for service, at in sorted(times.items()))


def source_time_of(text: str, service: ServiceName) -> datetime | None:
    """Return a service's time from the trailer's value; None if it says none, or nonsense."""
    value = text.strip()
    if "=" in value:
        entries = dict(entry.strip().partition("=")[::2] for entry in value.split(","))
        value = entries.get(service, "")
    from gitops_cli.domain.stamp import parse_stamp

    return parse_stamp(value)

"""Gates: what must have happened before a version may come, read from the history of files.

`soak`: it was recorded in the stage before for so long. `approvals`: so many people said yes to
this very version, each by a commit of their own, and not the one who brings it. `check`: what
gitops.toml names says yes, just now. `signature` and `attestation`: the image that the version's
digest names is vouched for by a key or an identity that the team trusts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.policy import GateRefused, Override, Refusal
from gitops_cli.domain.duration import age
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.approvals import Approval, Yes, parse_approval
from gitops_cli.domain.recorded.files import SETTINGS
from gitops_cli.domain.recorded.signed import KeyFile, Signed, Vouching
from gitops_cli.domain.recorded.team import Gate, StageRules
from gitops_cli.domain.text import one_line, plural
from gitops_cli.domain.version import Version, parse_version

if TYPE_CHECKING:
    from gitops_cli.domain.past.commits import FileChange


class Report(NamedTuple):
    """What one gate says of one version: `says` is for people, `hint` how it would pass.

    `name` and `line` are those of a check's table.
    """

    gate: Gate
    service: ServiceName
    version: Version
    passes: bool
    says: str
    hint: str = ""
    name: str = ""
    line: int | None = None

    @property
    def label(self) -> str:
        """Return what it is called: `soak`, `check smoke`."""
        return f"{self.gate} {self.name}".rstrip()


class Approver(NamedTuple):
    """Who said yes: by a commit, whose `signer` is set if its signature is good and trusted."""

    name: str
    email: str
    commit: str
    signer: str | None = None

    def is_by(self, address: str | None) -> bool:
        """Tell whether somebody with this address made the commit, or signed it as another."""
        return address is not None and address.casefold() in {
            self.email.casefold(),
            *(name.casefold() for name in self._signers),
        }

    @property
    def person(self) -> str:
        """Return what is the same for all that one person says."""
        # A pattern is of whoever has such a name, and the commit says which.
        is_named = not any("*" in name or "?" in name for name in self._signers)
        return (self.signer if self.signer and is_named else self.email).casefold()

    @property
    def _signers(self) -> list[str]:
        # The principals of a line of allowed_signers, or a GPG key's `Name <address>`.
        return (self.signer or "").rpartition("<")[2].removesuffix(">").split(",")


class Span(NamedTuple):
    """From when to when a version was recorded; `end` None: it is."""

    start: datetime
    end: datetime | None

    def length(self, now: datetime) -> timedelta:
        """Return how long; a clock that was wrong makes it nothing, never less."""
        return max((self.end or now) - self.start, timedelta())


def spans_of(changes: Iterable[FileChange], version: Version) -> Iterator[Span]:
    """Yield when a version file (its changes newest first) held this version, newest first.

    A digest that one of the two has not makes no difference; another digest is another image.
    """
    end: datetime | None = None
    span: Span | None = None
    for change in changes:
        at = change.commit.committed_at
        held = parse_version((change.new or b"").decode(errors="replace").strip())
        if held is not None and is_same(held, version):
            span = Span(at, end if span is None else span.end)
        elif span is not None:
            yield span
            span = None
        end = at
    if span is not None:
        yield span


def is_same(one: Version, other: Version) -> bool:
    """Tell whether two versions may be one image: a digest that one has not is no difference."""
    return one.tag == other.tag and (
        None in (one.digest, other.digest) or one.digest == other.digest
    )


def approvers_of(
    changes: Iterable[FileChange], service: ServiceName, version: Version
) -> Iterator[Approver]:
    """Yield who made the commits that approve this version, newest first; another one ends it.

    A commit that repeats an entry, or only takes one away, is no yes, nor is one whose entry
    somebody took away again: a yes that is no longer in the file was withdrawn.
    """
    left: set[Yes] | None = None  # what the file says by now, and no commit answers for yet
    for change in changes:
        new = _approval(change, change.new, service)
        if new is None or not new.names(version):
            return
        left = set(new.given) if left is None else left
        old = _approval(change, change.old, service)
        before = old.given if old is not None and old.names(version) else ()
        if said := left & {*new.given} - {*before}:
            left -= said
            made = change.made_by
            yield Approver(made.author.name, made.author.email, made.hash)


def _approval(change: FileChange, content: bytes | None, service: ServiceName) -> Approval | None:
    return None if content is None else parse_approval(change.path, service, content)


def soak_report(
    service: ServiceName,
    version: Version,
    rules: StageRules,
    spans: Sequence[tuple[EnvironmentName, Span]],
    now: datetime,
) -> Report:
    """Return whether the longest of the spans, each of an environment before, is long enough."""
    needed = timedelta(seconds=rules.soak or 0)
    if not spans:
        says = "was not recorded in the stage before"
        return Report(Gate.SOAK, service, version, False, says, "promote it there first")
    where, longest = max(spans, key=lambda each: each[1].length(now))
    length = longest.length(now)
    says = f"{age(length)} of {age(needed)} in {where}"
    left = "" if longest.end else f"wait {age(needed - length)}"
    return Report(Gate.SOAK, service, version, length >= needed, says, left)


def approvals_report(
    service: ServiceName,
    version: Version,
    rules: StageRules,
    approvers: Collection[Approver],
    *,
    writer: str | None,
    target: EnvironmentName,
) -> Report:
    """Return whether enough others than the one who writes (an address) have said yes."""
    needed = rules.approvals
    counted: dict[str, str] = {}
    for who in approvers:
        if rules.signed_approvals and who.signer is None:
            continue
        if not who.is_by(writer):
            counted.setdefault(who.person, who.name)
    names = ", ".join(one_line(name) for name in sorted(counted.values()))
    says = f"{len(counted)} of {plural(needed, 'approval')}" + (f": {names}" if names else "")
    if len(counted) < needed:
        says += _uncounted(rules, approvers, writer)
    hint = f"somebody else: gitops approve {target} {service}={version}"
    return Report(Gate.APPROVALS, service, version, len(counted) >= needed, says, hint)


def signed_report(
    gate: Gate, service: ServiceName, version: Version, signed: Signed, judged: Vouching | None
) -> Report:
    """Return whether an image is vouched for; None: no digest says which it is."""
    by, attested = signed.by, signed.predicate is not None
    if judged is None:
        says = "has no digest that could be checked, and that could not move afterwards"
        return Report(gate, service, version, False, says, "--pin records it")
    if judged.good:
        return Report(gate, service, version, True, f"has one of {by}")
    what = f"attestation {signed.predicate}" if attested else "signature"
    says = f"there is no {what} of {by} for {version.digest}"
    words = ["cosign", *(("attest", "--type", signed.predicate) if attested else ("sign",))]
    words += ["--key …"] if isinstance(by, KeyFile) else []
    who = "" if isinstance(by, KeyFile) else f" as {by.name}"
    hint = f"`{' '.join(map(str, words))} IMAGE@DIGEST`{who}"
    return Report(gate, service, version, False, says + (judged.why and f": {judged.why}"), hint)


def _uncounted(rules: StageRules, approvers: Collection[Approver], writer: str | None) -> str:
    """Return why a yes that is there does not count."""
    if rules.signed_approvals and any(who.signer is None for who in approvers):
        return " (what has no signature you trust does not count)"
    return " (your own does not count)" if any(who.is_by(writer) for who in approvers) else ""


def gate_refusals(
    reports: Iterable[Report], rules: StageRules, where: EnvironmentName
) -> Iterator[Refusal]:
    """Yield a refusal for each report that does not pass; each names its line of gitops.toml."""
    for report in reports:
        if report.passes:
            continue
        line = f"{SETTINGS}:{report.line or rules.lines.get(report.gate, 1)}"
        what, says = f"{report.service} {report.version.short}", f"{report.label} {report.says}"
        error = GateRefused(
            f"{line}: {what} may not come to {where} yet: {says}",
            beside=f"{line}: {what}: {says}",
            way=report.hint,
        )
        yield Refusal(error, Override.POLICY)

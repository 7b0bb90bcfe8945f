"""Asks the state's own history what the gates of a stage want to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.change.gates import (
    Approver,
    Report,
    Span,
    approvals_report,
    approvers_of,
    gate_refusals,
    is_same,
    signed_report,
    soak_report,
    spans_of,
)
from gitops_cli.domain.change.intent import version_path
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.policy import Override, Refusal
from gitops_cli.domain.change.proposal import Actor
from gitops_cli.domain.change.rules import (
    APPROVALS,
    ATTESTATION,
    CHECK,
    SIGNATURE,
    SOAK,
    Ask,
)
from gitops_cli.domain.errors import (
    ConfigurationError,
    Denied,
    PolicyRefused,
    RegistryError,
    UnknownEnvironment,
)
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.environment import Environment, Kind, Snapshot
from gitops_cli.domain.recorded.files import APPROVAL_SUFFIX, SETTINGS
from gitops_cli.domain.recorded.resolution import stage_before
from gitops_cli.domain.recorded.signed import Signed, Vouching
from gitops_cli.domain.recorded.stages import Ambiguous, place_of
from gitops_cli.domain.recorded.team import Gate, StageRules
from gitops_cli.domain.version import Version

if TYPE_CHECKING:
    from gitops_cli.state.repository import StateRepository


class CheckCase(NamedTuple):
    """What checks are asked about; `before` are the environments that the versions may come from.

    `since` says when a change's version came to one of those; None: it is not there.
    """

    state: StateRepository
    snapshot: Snapshot
    target: EnvironmentName
    before: Sequence[EnvironmentName]
    changes: Sequence[Change]
    since: Callable[[Change, EnvironmentName], datetime | None]


Checking = Callable[[CheckCase], Sequence[Report]]
Vouches = Callable[[ImageRef, Signed, "bytes | None"], Vouching]
"""Judges whether an image is vouched for, by its digest and the content of the file that says how.

Raises ValueError for a file that is not what it should be.
"""


def nobody(_image: ImageRef, _signed: Signed, _content: bytes | None) -> Vouching:
    """Vouch for nothing: what asks nobody lets nothing pass."""
    return Vouching(False)


def unasked(_image: ImageRef, _signed: Signed, _content: bytes | None) -> Vouching:
    """Stand for signatures that are asked for later: an image may be made and pinned first."""
    raise AssertionError("nobody asks it")


class Gates(NamedTuple):
    """The gates of one environment on one tip; `told` takes what they say when they are asked.

    `source`: where the versions come from, if somebody said; else it is the stage before.
    `writer` knows who would record them. `checking` asks the checks of gitops.toml; None: nobody
    does. `vouched` knows whose images are signed.
    """

    state: StateRepository
    snapshot: Snapshot
    target: Environment
    source: EnvironmentName | None
    writer: Callable[[], Actor | None]
    now: datetime
    told: list[Report]
    checking: Checking | None = None
    vouched: Vouches = nobody

    @property
    def rules(self) -> StageRules:
        """Return what the target's stage wants."""
        team = self.snapshot.team
        return team.stage(place_of(self.target.name, team).stage)

    def asked(self) -> Mapping[str, Ask]:
        """Return the gates as rules of a write."""
        return {
            SOAK: partial(self._refusals, self.soak),
            APPROVALS: partial(self._refusals, self.approvals),
            SIGNATURE: partial(self._signed, Gate.SIGNATURE, self.rules.signature),
            ATTESTATION: partial(self._signed, Gate.ATTESTATION, self.rules.attestation),
            CHECK: partial(self._refusals, self.checks),
        }

    def _refusals(
        self, reports: Callable[[Sequence[Change]], Sequence[Report]], changes: Sequence[Change]
    ) -> Iterator[Refusal]:
        told = reports(changes)
        self.told.extend(told)
        yield from gate_refusals(told, self.rules, self.target.name)

    def _signed(
        self, gate: Gate, signed: Signed | None, changes: Sequence[Change]
    ) -> Iterator[Refusal]:
        """Yield what is not vouched for, or of which nobody can tell: an override lets it by."""
        if signed is None or self.vouched is unasked:
            return
        try:
            told = [
                self._vouched(gate, signed, change.service, change.desired)
                for change in changes
                if change.desired is not None
            ]
        except (RegistryError, Denied, ConfigurationError, PolicyRefused) as error:
            yield Refusal(error, Override.POLICY)
            return
        self.told.extend(told)
        yield from gate_refusals(told, self.rules, self.target.name)

    def _vouched(
        self, gate: Gate, signed: Signed, service: ServiceName, version: Version
    ) -> Report:
        if version.digest is None:
            return signed_report(gate, service, version, signed, None)
        where = f"{SETTINGS}:{self.rules.lines.get(gate, 1)}"
        file = signed.by.file
        content = None if file is None else self._content(file)
        if file is not None and content is None:
            raise PolicyRefused(f"{where}: there is no {file} in the repository")
        image = self.target.image_of(service, version)
        try:
            judged = self.vouched(image, signed, content)
        except ValueError as error:
            raise PolicyRefused(f"{where}: {file} {error}") from None
        return signed_report(gate, service, version, signed, judged)

    def _content(self, file: str) -> bytes | None:
        directory = file.rpartition("/")[0]
        inside = f"{directory}/" if directory else ""
        return self.state.contents(self.snapshot.commit, inside).get(file)

    def soak(self, changes: Sequence[Change]) -> Sequence[Report]:
        """Return how long each version was recorded in the stage before."""
        rules = self.rules
        if not rules.soak:
            return ()
        places = self._before()
        return [
            soak_report(
                change.service, change.desired, rules, self._spans(change, places), self.now
            )
            for change in changes
            if change.desired is not None
        ]

    def checks(self, changes: Sequence[Change]) -> Sequence[Report]:
        """Return what the checks of the stage say of versions that come."""
        coming = [change for change in changes if change.desired is not None]
        if not self.rules.checks or not coming or self.checking is None:
            return ()
        if self.vouched is unasked and self.rules.pins:  # once, of the images that are recorded
            return ()
        return self.checking(
            CheckCase(
                self.state, self.snapshot, self.target.name, self._before(), coming, self._since
            )
        )

    def _since(self, change: Change, where: EnvironmentName) -> datetime | None:
        spans = (span for _, span in self._spans(change, [where]))
        return next((span.start for span in spans if span.end is None), None)

    def _before(self) -> Sequence[EnvironmentName]:
        if self.source is not None:
            return (self.source,)
        try:
            return (stage_before(self.target.name, self.snapshot.environments, self.snapshot.team),)
        except Ambiguous as several:
            return [EnvironmentName(name) for name in several.fits]
        except UnknownEnvironment:
            return ()

    def _spans(
        self, change: Change, places: Sequence[EnvironmentName]
    ) -> list[tuple[EnvironmentName, Span]]:
        if change.desired is None or self.snapshot.commit is None:
            return []
        found = []
        for name in places:
            kind = self._kind(change.service)
            path = version_path(self.snapshot.environment(name), change.service, kind)
            past = self.state.past.file_history(path, start=self.snapshot.commit)
            found += [(name, span) for span in spans_of(past, change.desired)]
        return found

    def _kind(self, service: ServiceName) -> Kind:
        file = self.target.files.get(service)
        return Kind.DEPLOYMENT if file is None else file.kind

    def approvals(self, changes: Sequence[Change]) -> Sequence[Report]:
        """Return who said yes to each version."""
        rules = self.rules
        if not rules.approvals or not changes:
            return ()
        writer = self.writer()
        return [
            approvals_report(
                change.service,
                change.desired,
                rules,
                self._approvers(change.service, change.desired),
                writer=writer.email if writer else None,
                target=self.target.name,
            )
            for change in changes
            if change.desired is not None
        ]

    def _approvers(self, service: ServiceName, version: Version) -> list[Approver]:
        approval = self.target.approvals.get(service)
        if approval is None or self.snapshot.commit is None:
            return []
        if self.vouched is unasked and approval.version and is_same(approval.version, version):
            version = approval.version  # of the digest, which is asked for later
        if not approval.names(version):
            return []
        past = self.state.past.file_history(
            f"{self.target.name}/{service}{APPROVAL_SUFFIX}", start=self.snapshot.commit
        )
        found = list(approvers_of(past, service, version))
        if not self.rules.signed_approvals:
            return found
        return [who._replace(signer=self.state.signer(who.commit)) for who in found]

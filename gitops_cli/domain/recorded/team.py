"""What a team agreed in gitops.toml, as values. Reading the file is `team_file.py`'s work."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.values import NamedTuple

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.freeze import FreezeWindow
    from gitops_cli.domain.recorded.notify import NoticeRules
    from gitops_cli.domain.recorded.signed import Signed
    from gitops_cli.domain.settings import Defect
    from gitops_cli.domain.steps.declared import Check, Step

DEFAULT_STAGES = ("development", "staging", "production")


class Mode(StrEnum):
    """How a stage is written: by a push, or by a branch somebody merges."""

    PUSH = "push"
    PR = "pr"


class Requirement(StrEnum):
    """What a promotion checks first."""

    IMAGE = "image"
    LIVE_IN_SOURCE = "live-in-source"


class VersionForm(StrEnum):
    """Which versions are agreed: full commit hashes, or any tag."""

    COMMIT = "commit"
    ANY = "any"


class NewServices(StrEnum):
    """What happens where nobody can be asked about a service that no environment has."""

    ASK = "ask"
    ALLOW = "allow"


class DriftPolicy(StrEnum):
    """What an agent does about what people changed by hand: put it back, or tell it."""

    CORRECT = "correct"
    REPORT = "report"


class Gate(StrEnum):
    """A key of `[stage.X]` that says when a version may come there."""

    SOAK = "soak"
    APPROVALS = "approvals"
    CHECK = "check"
    SIGNATURE = "signature"
    ATTESTATION = "attestation"


class StageRules(NamedTuple):
    """`[stage.NAME]`; `lines` has the line of each key in gitops.toml.

    `require_ancestry` None: as `[versions]` says. `soak` is in seconds. `manifests` is a directory,
    from that of the environment, for environments without one of their own. `kubernetes` and
    `kubernetes_apis` are what charts see of the cluster. `steps` and `checks` are those without a
    defect.
    """

    name: str
    aliases: tuple[str, ...] = ()
    cluster: str | None = None
    cluster_uid: str | None = None
    promote_from: tuple[str, ...] | None = None
    protected: bool = False
    freeze: tuple[FreezeWindow, ...] = ()
    require: frozenset[Requirement] = frozenset()
    mode: Mode = Mode.PUSH
    branches: tuple[str, ...] = ()
    require_ancestry: bool | None = None
    manifests: str | None = None
    manifests_network: bool = False
    kubernetes: str | None = None
    kubernetes_apis: tuple[str, ...] = ()
    prune: bool = False
    drift: DriftPolicy = DriftPolicy.CORRECT
    soak: float | None = None
    approvals: int = 0
    signed_approvals: bool = False
    signature: Signed | None = None
    attestation: Signed | None = None
    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    lines: Mapping[str, int] = MappingProxyType({})

    @property
    def asks(self) -> bool:
        """Tell whether a version has to pass anything, in the repository or elsewhere."""
        return self.is_gated or self.pins or bool(self.checks)

    @property
    def is_gated(self) -> bool:
        """Tell whether the repository itself says when a version may come here."""
        return bool(self.soak or self.approvals)

    @property
    def pins(self) -> bool:
        """Tell whether images are vouched for by their digests, which are then recorded."""
        return self.signature is not None or self.attestation is not None


class ServiceRules(NamedTuple):
    """`[service.NAME]`. `workload` is its name in clusters where that is another one.

    `path` is its directory in a source that holds several services.
    """

    name: ServiceName
    source: str | None = None
    containers: tuple[str, ...] = ()
    workload: str | None = None
    path: str | None = None


class CommitRules(NamedTuple):
    """`[commit]`: what our commits must look like, for push rules, DCO and CI of the team.

    `subject` is a template of `FIELDS` (domain/recorded/template.py).
    """

    skip_ci: bool = False
    subject: str | None = None
    sign_off: bool = False
    message_as_subject: bool = False


class TeamSettings(NamedTuple):
    """The whole of gitops.toml, with defaults where it is silent.

    What `defects` are about is as if it were not said; domain/change/rules.py says whom that stops.
    """

    stages: tuple[str, ...] = DEFAULT_STAGES
    rules: Mapping[str, StageRules] = MappingProxyType({})
    services: Mapping[ServiceName, ServiceRules] = MappingProxyType({})
    version_form: VersionForm = VersionForm.COMMIT
    require_ancestry: bool = False
    commit: CommitRules = CommitRules()
    new_services: NewServices = NewServices.ASK
    notify: Mapping[str, NoticeRules] = MappingProxyType({})
    defects: tuple[Defect, ...] = ()

    def stage(self, name: str) -> StageRules:
        """Return the rules of a stage; a stage nobody mentioned has none."""
        return self.rules.get(name) or StageRules(name)

    def needs_ancestry(self, name: str) -> str | None:
        """Return which setting lets only ancestry say that a build is newer; None: none does."""
        said = self.stage(name).require_ancestry
        if said is None:
            return "[versions] require_ancestry" if self.require_ancestry else None
        return f"[stage.{name}] require_ancestry" if said else None

    def service(self, name: ServiceName) -> ServiceRules:
        return self.services.get(name) or ServiceRules(name)

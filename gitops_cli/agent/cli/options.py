"""The options that say what agent is meant, and the AgentSpec they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NamedTuple

import typer

from gitops_cli.agent.existing import Standing
from gitops_cli.agent.model.setup import Setup
from gitops_cli.agent.model.spec import (
    CONTROLLER_NAMESPACE,
    GPG_SIGNERS,
    STOCK_IMAGE,
    AgentMode,
    AgentSpec,
    Feature,
    ManifestRights,
    Seed,
)
from gitops_cli.agent.model.status import DEFAULT_INTERVAL
from gitops_cli.agent.pins import requirements as pinned_requirements
from gitops_cli.agent.signers import read_signers
from gitops_cli.agent.wanted_steps import check_apart, steps_time
from gitops_cli.cli.completion import complete_environment
from gitops_cli.cli.options import duration
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind, Snapshot
from gitops_cli.domain.ssh import ssh_server
from gitops_cli.domain.text import holds_credentials

SEEDING = "An image that is seeded when it starts"
TRUST = "Trust"

Named = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ENV…",
        help="Environments or stages.",
        show_default=False,
        autocompletion=complete_environment,
    ),
]
Mode = Annotated[
    AgentMode,
    typer.Option(
        "--mode",
        metavar="MODE",
        help="cronjob: one per namespace; controller: one process for several.",
    ),
]
AsInstalled = Annotated[
    AgentMode | None,
    typer.Option(
        "--mode",
        metavar="MODE",
        help="cronjob: one per namespace; controller: one process for several. Default: that of "
        "the agent that is installed, else cronjob.",
        show_default=False,
    ),
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="IMAGE", help="The agent's image; see the Dockerfile."),
]
Seeded = Annotated[
    bool,
    typer.Option(
        "--seeded",
        help="A stock Python image that installs the rest when it starts.",
        rich_help_panel=SEEDING,
    ),
]
SeedIndex = Annotated[
    str | None,
    typer.Option(
        "--seed-index", metavar="URL", help="Package index for pip.", rich_help_panel=SEEDING
    ),
]
SeedApt = Annotated[
    str | None,
    typer.Option(
        "--seed-apt",
        metavar="LINES",
        help="sources.list instead of the image's own.",
        rich_help_panel=SEEDING,
    ),
]
SeedPackage = Annotated[
    list[str] | None,
    typer.Option(
        "--seed-package",
        metavar="NAME[=VERSION]",
        help="Instead of git and ssh.",
        rich_help_panel=SEEDING,
    ),
]
AgentRepo = Annotated[
    str | None,
    typer.Option(
        "--agent-repo",
        metavar="URL",
        help="State repository as the cluster reaches it.",
        show_default=False,
    ),
]
Branch = Annotated[
    str | None,
    typer.Option(
        "--branch",
        metavar="NAME",
        help="Branch to follow; HEAD, and the default: the remote's own.",
    ),
]
Interval = Annotated[
    float | None,
    typer.Option(
        "--interval",
        parser=duration,
        metavar="DURATION",
        help="Between rounds of a controller; default: 60s.",
        show_default=False,
    ),
]
Metrics = Annotated[
    int | None,
    typer.Option(
        "--metrics",
        metavar="PORT",
        help="Let a controller's pod serve Prometheus metrics there, such as 9464; 0: no more.",
        show_default=False,
    ),
]
Restrict = Annotated[
    bool,
    typer.Option("--restrict", help="Admission policy: images and its own annotations only."),
]
Without = Annotated[
    list[Feature] | None,
    typer.Option(
        "--without",
        metavar="FEATURE",
        help="Leave out the rights of reasons (pods) or events.",
    ),
]
Again = Annotated[
    list[Feature] | None,
    typer.Option(
        "--with",
        metavar="FEATURE",
        help="Grant the rights of a feature that was left out before.",
    ),
]
Unsigned = Annotated[
    bool,
    typer.Option(
        "--no-require-signed",
        help="Follow everybody's commits, where the agent followed signed ones only.",
        rich_help_panel=TRUST,
    ),
]
Steps = Annotated[
    bool | None,
    typer.Option(
        "--steps/--no-steps",
        help="Run the steps of infrastructure as they are now, which this machine trusts.",
        rich_help_panel=TRUST,
        show_default=False,
    ),
]
AllowedSigners = Annotated[
    Path | None,
    typer.Option(
        "--allowed-signers",
        metavar="FILE",
        help="Follow commits signed by these only.",
        rich_help_panel=TRUST,
    ),
]
GpgKeyring = Annotated[
    Path | None,
    typer.Option(
        "--gpg-keyring",
        metavar="FILE",
        help="The same with GPG's public keys.",
        rich_help_panel=TRUST,
    ),
]
Namespace = Annotated[
    str,
    typer.Option("--agent-namespace", metavar="NAME", help="Where a controller and its key live."),
]
PullSecret = Annotated[
    list[str] | None,
    typer.Option("--pull-secret", metavar="NAME", help="imagePullSecrets of the agent's pod."),
]
KnownHosts = Annotated[
    Path | None,
    typer.Option(
        "--known-hosts",
        metavar="FILE",
        help="Pin these host keys; nobody is asked.",
        rich_help_panel=TRUST,
    ),
]
HostKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--host-key",
        metavar="SHA256:…",
        help="Pin the host key of this fingerprint.",
        rich_help_panel=TRUST,
    ),
]
DEFAULT_NAMESPACE = CONTROLLER_NAMESPACE


class WantedAgent(NamedTuple):
    """What the command line says about an agent."""

    mode: AgentMode
    image: str | None
    seeded: bool
    seed_index: str | None
    seed_apt: str | None
    seed_packages: Sequence[str]
    branch: str | None
    interval: float | None
    restrict: bool
    without: Collection[Feature]
    again: Collection[Feature]
    allowed_signers: Path | None
    gpg_keyring: Path | None
    unsigned: bool
    namespace: str
    pull_secrets: Sequence[str]
    agent_repo: str | None
    steps: bool | None = None
    metrics: int | None = None

    def groups(self, names: Sequence[EnvironmentName]) -> list[Sequence[EnvironmentName]]:
        """Return the environments of each installation: one, or all in controller mode."""
        return [[name] for name in names] if self.mode is AgentMode.CRONJOB else [names]

    @property
    def trust_is_told(self) -> bool:
        """Tell whether the command line says whose commits are followed; raises UsageError."""
        signers = self.allowed_signers or self.gpg_keyring
        if self.unsigned and signers:
            raise UsageError("--no-require-signed does not go with a file of signers")
        return bool(self.unsigned or signers)

    def spec(
        self,
        session: Session,
        snapshot: Snapshot,
        names: Sequence[EnvironmentName],
        standing: Standing | None = None,
        *,
        rights: Mapping[EnvironmentName, ManifestRights],
        restricted: Collection[EnvironmentName],
        pins: Mapping[EnvironmentName, str] = MappingProxyType({}),
    ) -> AgentSpec:
        """Return an installation; what the command line leaves out is as it stands, if it does.

        `rights` are those for manifests; `restricted` are environments where those are not applied.
        `pins` are digests of steps that are to be run.
        """
        was = None if standing is None else standing.setup
        others = standing.others if standing is not None else ()
        kept = [name for name in (was.images_only if was else ()) if name in others]
        branch = self.branch or (was.branch if was else None)
        signers = read_signers(self.allowed_signers, self.gpg_keyring)
        if standing is not None and not self.unsigned:
            signers = {**standing.signers, **signers}
        features = frozenset(Feature) if standing is None else standing.features
        images_only = sorted({*kept, *(name for name in names if name in restricted)})
        steps = self._pins(was, names, others, pins)
        home = snapshot.environments.get(EnvironmentName(self.home(names[0])))
        if steps and home is not None:
            applied = home.name not in images_only
            check_apart(self.mode, home, kinds_in(snapshot, home.name), snapshot.team, applied)
        return AgentSpec(
            mode=self.mode,
            url=agent_url(session, self.agent_repo or (was.url if was else None)),
            image=self._image(was),
            kinds={name: kinds_in(snapshot, name) for name in names},
            namespace=self.home(names[0]),
            features=(features | frozenset(self.again)) - frozenset(self.without),
            branch=None if branch == "HEAD" else branch,
            interval=max(1, int(self.interval or (was and was.interval) or DEFAULT_INTERVAL)),
            seed=self._seed(was, gpg=GPG_SIGNERS in signers),
            restrict=self.restrict,
            signers=signers,
            pull_secrets=self.pull_secrets or (was.pull_secrets if was else ()),
            others=others,
            manifests={name: rights[name] for name in names if name in rights},
            images_only=images_only,
            applies=any(name in rights for name in names) or bool(was and others and was.applies),
            steps=steps,
            step_time=steps_time(snapshot, steps),
            metrics=self._metrics(was),
        )

    def _metrics(self, was: Setup | None) -> int | None:
        """Return the port for metrics; raises UsageError."""
        if self.metrics and self.mode is AgentMode.CRONJOB:
            raise UsageError(
                "--metrics: a CronJob's pod is gone before anybody asks it",
                hint="--mode controller; or `gitops metrics --textfile FILE` in a job of your own",
            )
        if self.metrics and not 1024 <= self.metrics <= 65535:  # the agent is not root in its pod
            raise UsageError(f"--metrics {self.metrics}: is not a port from 1024 to 65535")
        said = self.metrics if self.metrics is not None else was and was.metrics
        return (said or None) if self.mode is AgentMode.CONTROLLER else None

    def _pins(
        self,
        was: Setup | None,
        names: Sequence[EnvironmentName],
        others: Sequence[EnvironmentName],
        pins: Mapping[EnvironmentName, str],
    ) -> dict[EnvironmentName, str]:
        """Return the digests of steps to run: those of others stay, and those not spoken of."""
        before = was.steps if was is not None else {}
        kept = [*others, *(names if self.steps is None else ())]
        said = {name: pins[name] for name in names if name in pins}
        return {name: before[name] for name in kept if name in before} | said

    def home(self, environment: EnvironmentName) -> str:
        """Return the namespace of the agent's pod and key."""
        return environment if self.mode is AgentMode.CRONJOB else self.namespace

    def _image(self, was: Setup | None) -> str:
        """Return the image of the agent's pod; raises UsageError."""
        if self.image is not None:
            return self.image
        if was is not None and (was.seed is not None or not self.seeded):
            return was.image
        if self.seeded:
            return STOCK_IMAGE
        raise UsageError(
            "which image?",
            hint="pass --image with one built from the Dockerfile, or --seeded for a stock image",
        )

    def _seed(self, was: Setup | None, *, gpg: bool) -> Seed | None:
        before = was.seed if was is not None else None
        if self.seeded:
            seed = replace(before or Seed(()), requirements=pinned_requirements())
        elif before is not None and self.image is None:
            seed = before
        else:
            return None
        seed = replace(
            seed,
            index=self.seed_index or seed.index,
            apt_sources=self.seed_apt or seed.apt_sources,
            packages=tuple(self.seed_packages) or seed.packages,
        )
        if gpg and not self.seed_packages and "gpg" not in seed.packages:
            return replace(seed, packages=(*seed.packages, "gpg"))
        return seed


class RepositoryAccess(NamedTuple):
    """How agents reach the repository, and whether the registry is asked for their image."""

    key: Path | None = None
    known_hosts: Path | None = None
    host_keys: Sequence[str] = ()
    verify_image: bool = True


def kinds_in(snapshot: Snapshot, environment: EnvironmentName) -> frozenset[Kind]:
    """Return the kinds of workload an environment has; Deployments where it has none yet."""
    files = snapshot.environment(environment).files.values()
    return frozenset(file.kind for file in files) or frozenset({Kind.DEPLOYMENT})


def agent_url(session: Session, said: str | None) -> str:
    """Return the repository's URL as the cluster is to use it; raises ConfigurationError."""
    url = said or session.state.description
    if holds_credentials(url):
        raise ConfigurationError(
            "the state repository's URL holds credentials, which do not belong into manifests",
            hint="pass --agent-repo with an ssh URL: the agent has a deploy key for it, and no "
            "place for credentials of https",
        )
    if ssh_server(url) is None and not url.startswith("https://"):
        raise ConfigurationError(
            f"a cluster cannot reach `{url}`", hint="pass --agent-repo with an ssh or https URL"
        )
    return url

"""The options that say what agent is meant, and the AgentSpec they make."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from gitops_cli.cli.options import duration
from gitops_cli.cli.session import Session
from gitops_cli.domain.agent.spec import (
    CONTROLLER_NAMESPACE,
    STOCK_IMAGE,
    AgentMode,
    AgentSpec,
    Feature,
    Seed,
)
from gitops_cli.domain.agent.ssh import ssh_server
from gitops_cli.domain.agent.status import DEFAULT_INTERVAL
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.repository import Kind, Snapshot
from gitops_cli.domain.text import holds_credentials

Mode = Annotated[
    AgentMode,
    typer.Option("--mode", help="A CronJob per namespace, or one process for several."),
]
Image = Annotated[
    str | None, typer.Option("--image", help="The agent's image; see the Dockerfile.")
]
Seeded = Annotated[
    bool,
    typer.Option("--seeded", help="A stock Python image that installs the rest when it starts."),
]
SeedIndex = Annotated[
    str | None, typer.Option("--seed-index", metavar="URL", help="Package index for pip.")
]
SeedApt = Annotated[
    str | None,
    typer.Option("--seed-apt", metavar="LINES", help="sources.list instead of the image's own."),
]
SeedPackage = Annotated[
    list[str] | None,
    typer.Option("--seed-package", metavar="NAME[=VERSION]", help="Instead of git and ssh."),
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
    str | None, typer.Option("--branch", help="Branch to follow; default: the remote's own.")
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
Restrict = Annotated[
    bool,
    typer.Option("--restrict", help="Admission policy: images and its own annotations only."),
]
Without = Annotated[
    list[Feature] | None,
    typer.Option("--without", help="Leave out the rights of a feature."),
]
AllowedSigners = Annotated[
    Path | None,
    typer.Option("--allowed-signers", metavar="FILE", help="Follow commits signed by these only."),
]
GpgKeyring = Annotated[
    Path | None,
    typer.Option("--gpg-keyring", metavar="FILE", help="The same with GPG's public keys."),
]
Namespace = Annotated[
    str, typer.Option("--agent-namespace", help="Where a controller and its key live.")
]
PullSecret = Annotated[
    list[str] | None,
    typer.Option("--pull-secret", metavar="NAME", help="imagePullSecrets of the agent's pod."),
]
KnownHosts = Annotated[
    Path | None,
    typer.Option("--known-hosts", metavar="FILE", help="Pin these host keys; nobody is asked."),
]
HostKeys = Annotated[
    list[str] | None,
    typer.Option("--host-key", metavar="SHA256:…", help="Pin the host key of this fingerprint."),
]
DEFAULT_NAMESPACE = CONTROLLER_NAMESPACE


class Wanted(NamedTuple):
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
    allowed_signers: Path | None
    gpg_keyring: Path | None
    namespace: str
    pull_secrets: Sequence[str]

    def specs(
        self, session: Session, snapshot: Snapshot, names: Sequence[EnvironmentName], url: str
    ) -> list[AgentSpec]:
        """Return one installation per environment, or one for all in controller mode."""
        groups = [(n,) for n in names] if self.mode is AgentMode.CRONJOB else [tuple(names)]
        return [self._spec(session, snapshot, group, url) for group in groups]

    def _spec(
        self, session: Session, snapshot: Snapshot, names: Sequence[EnvironmentName], url: str
    ) -> AgentSpec:
        return AgentSpec(
            mode=self.mode,
            url=url,
            image=self.pod_image(),
            kinds={name: kinds_in(snapshot, name) for name in names},
            namespace=self.home(names[0]),
            features=frozenset(Feature) - frozenset(self.without),
            branch=self.branch,
            interval=max(1, int(self.interval or DEFAULT_INTERVAL)),
            seed=self._seed(session),
            restrict=self.restrict,
            signers=session.read_signers(self.allowed_signers, self.gpg_keyring),
            pull_secrets=self.pull_secrets,
        )

    def home(self, environment: EnvironmentName) -> str:
        """Return the namespace of the agent's pod and key."""
        return environment if self.mode is AgentMode.CRONJOB else self.namespace

    def pod_image(self) -> str:
        """Return the image of the agent's pod; raises UsageError."""
        if self.image is not None:
            return self.image
        if self.seeded:
            return STOCK_IMAGE
        raise UsageError(
            "which image?",
            hint="pass --image with one built from the Dockerfile, or --seeded for a stock image",
        )

    def _seed(self, session: Session) -> Seed | None:
        if not self.seeded:
            return None
        seed = Seed(session.pinned_requirements(), self.seed_index, self.seed_apt)
        if self.seed_packages:
            return replace(seed, packages=tuple(self.seed_packages))
        return replace(seed, packages=(*seed.packages, "gpg")) if self.gpg_keyring else seed


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

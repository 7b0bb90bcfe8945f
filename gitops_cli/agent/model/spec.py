"""What is to be installed: one agent's repository, image, mode and rights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from gitops_cli.agent.model.stepped import StepTime
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import AGENT, AGENT_SIGNERS, EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.text import holds_credentials, one_line

NAME = AGENT
SIGNERS = AGENT_SIGNERS
KEY_SECRET = "gitops-agent-deploy-key"
KEY_DIRECTORY = "/etc/gitops-agent/key"
SOPS_SECRET = "gitops-agent-sops"
SOPS_DIRECTORY = "/etc/gitops-agent/sops"
SOPS_KEYS = "keys.txt"
SIGNERS_DIRECTORY = "/etc/gitops-agent/signers"
STEPS_SECRET = "gitops-agent-steps"
STEPS_DIRECTORY = "/etc/gitops-agent/steps"
NOTIFY_SECRET = "gitops-agent-notify"
NOTIFY_DIRECTORY = "/etc/gitops-agent/notify"
CONTROLLER_NAMESPACE = "gitops-agent"
STOCK_IMAGE = "docker.io/library/python:3.13-slim-bookworm"

IDENTITY = "identity"
NEXT_IDENTITY = "identity-next"
KNOWN_HOSTS = "known_hosts"
SSH_SIGNERS = "allowed_signers"
GPG_SIGNERS = "keyring.asc"

BAKED_UID = 10001
"""The user of the project's Dockerfile."""
SEEDED_UID = 65534
"""`nobody`: it is in every stock image, and ssh refuses a user without an entry in passwd."""


# As deb-version(7) and Debian's policy have names and versions; apt takes an architecture and a
# release too. A wildcard of the shell is none of them.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+|/[A-Za-z0-9.~-]+)?\Z")


class AgentMode(StrEnum):
    """A Job each minute in every namespace, or one process for all of a cluster."""

    CRONJOB = "cronjob"
    CONTROLLER = "controller"


class Feature(StrEnum):
    """Rights beyond the base; without one the agent goes on and says less."""

    REASONS = "reasons"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Seed:
    """What a stock image installs when it starts.

    `requirements` are pip's words for the tool and all it needs, each with its version;
    `apt_sources` replaces the image's own sources.list. Raises UsageError for a package's name
    that is none, and for credentials: all of this stands in the pod's manifest.
    """

    requirements: Sequence[str]
    index: str | None = None
    apt_sources: str | None = None
    packages: Sequence[str] = ("git", "openssh-client")

    def __post_init__(self) -> None:
        """Check what people say."""
        for package in self.packages:
            if _PACKAGE.match(package) is None:
                raise UsageError(
                    f"--seed-package {one_line(package)}: is not the name of a Debian package",
                    hint="one for each package: --seed-package git=1:2.39.5-0+deb12u2",
                )
        for option, text in (("--seed-index", self.index), ("--seed-apt", self.apt_sources)):
            if text is not None and holds_credentials(text):
                raise UsageError(
                    f"{option} holds credentials, which everybody could read in the pod's manifest",
                    hint=f"without {option}, pass --image with one of your own that has them in "
                    "/etc/pip.conf or /etc/apt/auth.conf.d, readable by everybody in it; or use "
                    "the baked image, which installs nothing when it starts",
                )


class ManifestRights(NamedTuple):
    """What an agent that applies an environment's manifests may do there.

    `resources` are API group and plural name of the kinds that the manifests have.
    """

    resources: frozenset[tuple[str, str]]
    prune: bool = False


class AgentSpec(NamedTuple):
    """One installation. `environments` are namespaces; a CronJob's agent has exactly one.

    `kinds` has, for each environment, the kinds of workload the agent may patch. `interval` is
    in seconds and counts for the controller only. `signers` (file name → content) makes it deploy
    signed commits only. `others` are environments that the controller has already: it goes on
    with them, and their own objects stay as they are. `manifests` are the rights in environments
    that have some, `images_only` environments whose manifests are left to others, as an admission
    policy would refuse them. `applies`: some environment of this agent has manifests. `steps` are
    the digests of the steps that it runs, of environments that have some, and `step_time` is what
    these may take. `metrics` is the port on which a controller's pod serves them.
    """

    mode: AgentMode
    url: str
    image: str
    kinds: Mapping[EnvironmentName, frozenset[Kind]]
    namespace: str
    features: frozenset[Feature] = frozenset(Feature)
    branch: str | None = None
    interval: int = 60
    seed: Seed | None = None
    restrict: bool = False
    signers: Mapping[str, str] = MappingProxyType({})
    pull_secrets: Sequence[str] = ()
    others: Sequence[EnvironmentName] = ()
    manifests: Mapping[EnvironmentName, ManifestRights] = MappingProxyType({})
    images_only: Sequence[EnvironmentName] = ()
    applies: bool = False
    steps: Mapping[EnvironmentName, str] = MappingProxyType({})
    step_time: StepTime = StepTime()
    metrics: int | None = None

    @property
    def environments(self) -> tuple[EnvironmentName, ...]:
        """Return the environments in which this installation writes objects, in order."""
        return tuple(sorted(self.kinds))

    @property
    def served(self) -> tuple[EnvironmentName, ...]:
        """Return all that this agent looks after, in order."""
        return tuple(sorted({*self.kinds, *self.others}))

    @property
    def uid(self) -> int:
        """Return the user the agent runs as."""
        return BAKED_UID if self.seed is None else SEEDED_UID

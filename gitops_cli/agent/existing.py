"""The agents that stand already: a new installation keeps what it is not told to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitops_cli.agent.installing import Installed, controller_in, find_all_installed
from gitops_cli.agent.model.setup import Setup, features_of, setup_of
from gitops_cli.agent.model.spec import NAME, SIGNERS, AgentMode, Feature
from gitops_cli.domain.errors import Blocked, ConfigurationError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.ports import Objects
from gitops_cli.web.parallel import ask_all

_SAY_IT = "say whose commits: --allowed-signers FILE or --gpg-keyring FILE, or --no-require-signed"


class Standing(NamedTuple):
    """The agent that an installation changes or takes over from.

    `signers` are the files of whom it trusts, empty: everybody. `features` are those that it has
    rights for. `others` are the further environments of the controller that the installation
    changes: they stay with it.
    """

    setup: Setup
    signers: Mapping[str, str]
    features: frozenset[Feature]
    others: tuple[EnvironmentName, ...] = ()


def read_standing(
    objects: Objects,
    mode: AgentMode,
    home: str,
    environments: Sequence[EnvironmentName],
    *,
    trust_is_told: bool,
) -> Standing | None:
    """Return what serves these environments, or is to serve them; None where nothing is.

    `trust_is_told`: the command says whose commits to follow. Else Blocked is raised where an
    environment would follow others than its agent does now, and ConfigurationError where it is
    not there to be read whom that trusts.
    """
    found = find_all_installed(objects, environments)
    serving = dict(zip(environments, found, strict=True))
    changed = _changed(objects, mode, home, serving)
    there = [*([changed] if changed else []), *filter(None, serving.values())]
    base = next((agent for agent in there if agent.workload is not None), None)
    if base is None or base.workload is None:
        return None
    asked = [base] if trust_is_told else [base, *filter(None, serving.values())]
    distinct = {_process(agent): agent for agent in asked}
    said = ask_all(lambda agent: _signers(objects, agent), distinct.values())
    trusted = dict(zip(distinct, said, strict=True))
    if not trust_is_told:
        _check_trust(base, serving, trusted)
    return Standing(
        setup_of(base.workload),
        trusted[_process(base)] or {},
        _features(objects, environments),
        tuple(name for name in changed.environments if name not in serving) if changed else (),
    )


def _changed(
    objects: Objects,
    mode: AgentMode,
    home: str,
    serving: Mapping[EnvironmentName, Installed | None],
) -> Installed | None:
    """Return the agent whose workload the installation writes over."""
    if mode is AgentMode.CONTROLLER:
        environments, deployment = controller_in(objects, home)
        return Installed(home, environments, deployment) if deployment is not None else None
    [(name, agent)] = serving.items()
    if agent is not None and agent.namespace == name and not agent.is_controller:
        return agent
    cronjob = objects.get("CronJob", name, NAME)  # its rights may be gone
    return Installed(name, (name,), cronjob) if cronjob is not None else None


def _check_trust(
    base: Installed,
    serving: Mapping[EnvironmentName, Installed | None],
    trusted: Mapping[_Process, Mapping[str, str] | None],
) -> None:
    """Raise Blocked where an environment would follow commits that its agent refuses now.

    `trusted` is whom each agent trusts; None: everybody.
    """
    ours = trusted[_process(base)]
    if ours is not None and not ours:
        raise ConfigurationError(
            f"the agent in {base.namespace} follows signed commits only, "
            f"but its ConfigMap {SIGNERS} says nobody's",
            hint=_SAY_IT,
        )
    for name, agent in serving.items():
        if agent is not None and trusted[_process(agent)] not in (None, ours):
            raise Blocked(
                f"{name} follows signed commits only, "
                f"and not by those that the agent in {base.namespace} trusts",
                hint=_SAY_IT,
            )


_Process = tuple[str, bool]


def _process(agent: Installed) -> _Process:
    """Return what tells one agent's process from another's, whatever environments they have."""
    return agent.namespace, agent.is_controller


def _signers(objects: Objects, agent: Installed) -> Mapping[str, str] | None:
    """Return the files of whom an agent trusts; None: everybody."""
    if agent.workload is None or not setup_of(agent.workload).signed:
        return None
    config = objects.get("ConfigMap", agent.namespace, SIGNERS) or {}
    found: Mapping[str, str] = config.get("data") or {}
    return found


def _features(objects: Objects, environments: Sequence[EnvironmentName]) -> frozenset[Feature]:
    """Return the features that every Role which is there has; all for a first one."""
    roles = ask_all(lambda name: objects.get("Role", name, NAME), environments)
    return frozenset(Feature).intersection(*(features_of(role) for role in roles if role))

"""The steps that an agent is installed to run: trusted on this machine, and pinned by digest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gitops_cli.agent.model.spec import AgentMode
from gitops_cli.agent.model.stepped import StepTime, time_of
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Environment, Kind, Snapshot
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.steps.content import declared_steps, digest_of, paths_of
from gitops_cli.domain.steps.declared import Step
from gitops_cli.operations.trust import check_trusted, programs_of
from gitops_cli.state.repository import StateRepository
from gitops_cli.steps.trusted import TrustStore


def pinned_steps(
    state: StateRepository,
    snapshot: Snapshot,
    names: Sequence[EnvironmentName],
    store: TrustStore,
) -> dict[EnvironmentName, str]:
    """Return the digests of what the steps of environments are made of, where they have some.

    Raises UsageError where none has, Untrusted unless this user trusts them on this machine.
    """
    declared = {name: steps for name in names if (steps := declared_steps(snapshot, name))}
    if not declared:
        raise UsageError(
            f"the stage of {', '.join(names)} declares no steps",
            hint="leave --steps out; docs/infrastructure.md says how to declare some",
        )
    check_trusted(programs_of(state, snapshot, store))
    assert snapshot.commit is not None  # of others there are no programs
    commit = snapshot.commit
    return {
        name: digest_of(steps, state.tracked_files(commit, paths_of(steps)))
        for name, steps in declared.items()
    }


def steps_time(snapshot: Snapshot, names: Iterable[EnvironmentName]) -> StepTime:
    """Return how long the steps of environments may take, of those that the repository has."""
    return time_of(
        one.what
        for name in names
        if name in snapshot.environments
        for one in declared_steps(snapshot, name)
        if isinstance(one.what, Step)
    )


def check_apart(
    mode: AgentMode,
    home: Environment,
    kinds: Collection[Kind],
    team: TeamSettings,
    applied: bool,
) -> None:
    """Raise UsageError where a push could change the very process that runs the steps.

    What follows the repository in the agent's own namespace, by whoever's hand, could be its
    workload, or a pod that reads what its steps are given. `applied`: so manifests are.
    """
    own = Kind.CRONJOB if mode is AgentMode.CRONJOB else Kind.DEPLOYMENT
    if applied and manifests_place(home, team) is not None:
        why = "has manifests"
    elif own in kinds:
        why = f"has versions of {own.value}s"
    else:
        return
    raise UsageError(
        f"{home.name} {why}, so whoever may push could change the agent that runs its steps, or "
        "read what they are given",
        hint="install it in a namespace that follows nothing: --mode controller; or --no-steps",
    )

"""What the agent commands do in clusters: shown, agreed to, and done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitops_cli.agent.installing import apply_plan
from gitops_cli.agent.model.outcome import ObjectStep, PlannedObject
from gitops_cli.agent.model.spec import AgentSpec
from gitops_cli.agent.view import count_line, plan_line, plan_view
from gitops_cli.cli.prompts import confirm
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.ports import Cluster


class ClusterPlan(NamedTuple):
    """What is to be done in one cluster."""

    cluster: Cluster
    objects: Sequence[PlannedObject]


def carry_out(
    session: Session, plans: Sequence[ClusterPlan], *, dry_run: bool, yes: bool, question: str
) -> None:
    """Show what is to be done, ask unless `yes`, do it unless `dry_run`, and say what was done."""
    plan = [
        planned._replace(cluster=cluster.context)
        for cluster, objects in plans
        for planned in objects
    ]
    nothing = all(planned.step is ObjectStep.KEEP for planned in plan)
    if not (dry_run or yes or nothing):
        session.output.say(count_line(plan))
        for planned in plan:
            if planned.step is not ObjectStep.KEEP:
                session.output.say(f"  {plan_line(planned)}")
        confirm(question)
    if not dry_run:
        for cluster, objects in plans:
            apply_plan(cluster.objects(), objects)
    show = session.show if dry_run else session.report
    show(plan_view(plan, done=not dry_run))


def unread(session: Session) -> Callable[[GitOpsError], None]:
    """Return what says that an object is missing from what the rights are made for."""
    more = "so its kind may be missing from the agent's Role: mend it, and install once more"
    return lambda error: session.output.warn(f"{error.message}, {more}")


def say_strangers(session: Session, snapshot: Snapshot, spec: AgentSpec) -> None:
    """Name the environments that a controller has and this repository has not."""
    for name in spec.others:
        if name not in snapshot.environments:
            session.output.warn(
                f"the agent in {spec.namespace} also has {name}, which the repository lacks; "
                f"`gitops agent uninstall {name}` removes it there"
            )

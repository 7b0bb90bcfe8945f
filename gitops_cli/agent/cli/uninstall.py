"""`gitops agent uninstall`."""

from __future__ import annotations

from gitops_cli.agent.cli.options import Named
from gitops_cli.agent.cli.plan import ClusterPlan, carry_out
from gitops_cli.agent.installing import find_leftover, plan_uninstall, plan_unrestrict
from gitops_cli.agent.model.spec import NAME
from gitops_cli.cli.clusters import clusters_of, environments_named, placed
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Context, DryRun, EnvToo, Kubeconfig, Limit, Project, Yes
from gitops_cli.cli.resolve import words_of
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import Denied, GitOpsError, UnknownEnvironment
from gitops_cli.domain.names import EnvironmentName, is_dns_label
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.operations.placement import Clusters


@command
def uninstall(
    session: Session,
    environments: Named = None,
    env: EnvToo = None,
    project: Project = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Remove the agent from environments: its rights, its key and its process.

    What it deployed goes on running. A controller that has other environments keeps those.

    Examples:
    gitops agent uninstall prod --dry-run
    gitops agent uninstall prod --yes
    """
    session.limits.begin(timeout)
    snapshot = session.look().snapshot
    team = snapshot.team
    clusters = clusters_of(session, context, kubeconfig, warm=False, acts=True)
    words = words_of(environments, env)
    names = list(
        dict.fromkeys(_leaving(session, clusters, word, snapshot, project) for word in words)
    )
    plans = []
    for cluster, there in placed(clusters, names, team):
        objects = cluster.objects()
        plan = plan_uninstall(objects, there)
        for name in there:
            try:
                plan += plan_unrestrict(objects, name)
            except Denied as error:
                session.output.note(
                    f"if --restrict made the binding {NAME}-{name}, it stays, "
                    f"without effect: {error.message}"
                )
        plans.append(ClusterPlan(cluster, plan))
    question = f"Remove it from {', '.join(names)}?"
    carry_out(session, plans, dry_run=dry_run, yes=yes, question=question)


def _leaving(
    session: Session, clusters: Clusters, word: str, snapshot: Snapshot, project: str | None
) -> EnvironmentName:
    """Return the environment that a word means; also one that the repository has no more.

    Its whole name must be said, and an agent be there: no stage or abbreviation goes before that.
    """
    team = snapshot.team
    trouble: GitOpsError | None = None
    if word not in snapshot.environments and is_dns_label(word) and project is None:
        name = EnvironmentName(word)
        try:
            if find_leftover(clusters.of(name, team).objects(), name) is not None:
                session.output.note(f"{name} is not in the repository, but has an agent")
                return name
        except GitOpsError as error:
            trouble = error
    try:
        [found] = environments_named(session, [word], snapshot, project=project)
    except UnknownEnvironment:
        if trouble is not None:
            raise trouble from None
        raise
    return found

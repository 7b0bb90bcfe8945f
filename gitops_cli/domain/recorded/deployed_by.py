"""What of gitops.toml decides how an environment is deployed, whatever versions it records."""

from __future__ import annotations

from gitops_cli.domain.recorded.environment import Environment
from gitops_cli.domain.recorded.manifests_place import manifests_place
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.steps.fields import step_for


def deployed_by(environment: Environment, team: TeamSettings) -> tuple[object, ...]:
    """Return a value that is another one where a sync would do something else: where it goes to,
    of which manifests, what it removes, which workloads it looks for, what runs beside it.
    """
    place = place_of(environment.name, team)
    rules = team.stage(place.stage)
    services = [team.service(service) for service in environment.files]
    return (
        rules.cluster,
        rules.cluster_uid,
        manifests_place(environment, team),
        rules.manifests_network,
        (rules.kubernetes, rules.kubernetes_apis),
        rules.prune,
        tuple(step_for(step, place)._replace(line=0) for step in rules.steps),
        tuple((one.workload, one.containers) for one in services),
    )

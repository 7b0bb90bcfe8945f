"""Install and remove an agent: every object is tried before the first one is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gitops_cli.agent.model.manifests import Manifest, identity
from gitops_cli.agent.model.outcome import ObjectStep, PlannedObject
from gitops_cli.agent.model.setup import changes, setup_of, told_of_new
from gitops_cli.agent.model.spec import (
    CONTROLLER_NAMESPACE,
    KEY_SECRET,
    NAME,
    SIGNERS,
    AgentMode,
    AgentSpec,
)
from gitops_cli.domain.errors import ConfigurationError, Denied, GitOpsError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.operations.ports import Objects
from gitops_cli.web.parallel import ASKED_AT_ONCE, ask_all, attempt_all

# What the server writes itself; everything else is what somebody asked for.
_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


class Installed(NamedTuple):
    """The agent that serves an environment: where it runs, and which environments it has."""

    namespace: str
    environments: tuple[EnvironmentName, ...]
    workload: Manifest | None

    @property
    def is_controller(self) -> bool:
        """Tell whether it is the one process of a cluster."""
        return self.workload is not None and self.workload["kind"] == "Deployment"

    @property
    def suspended(self) -> bool:
        """Tell whether somebody stopped it."""
        spec = (self.workload or {}).get("spec") or {}
        return spec.get("suspend") is True or spec.get("replicas") == 0


def plan_install(objects: Objects, manifests: Sequence[Manifest]) -> list[PlannedObject]:
    """Return what applying would do; the server has then accepted every object in a dry run.

    So a missing right in the tenth namespace is found before anything is changed in the first.
    Raises Denied, ClusterError, ConfigurationError for a namespace that does not exist.
    """
    new = {m["metadata"]["name"] for m in manifests if m["kind"] == "Namespace"}
    used = {m["metadata"]["namespace"] for m in manifests if "namespace" in m["metadata"]}
    asked = sorted(new | used)
    there = ask_all(lambda name: objects.get("Namespace", None, name) is not None, asked)
    missing = [name for name, is_there in zip(asked, there, strict=True) if not is_there]
    for namespace in missing:
        if namespace not in new:
            raise ConfigurationError(
                f"the cluster has no namespace {namespace}",
                hint=f"kubectl create namespace {namespace}",
            )
    new &= set(missing)
    return ask_all(lambda manifest: _planned(objects, manifest, new), manifests)


def _planned(objects: Objects, manifest: Manifest, new: set[str]) -> PlannedObject:
    if manifest["metadata"].get("namespace") in new:
        return PlannedObject(manifest, ObjectStep.CREATE, told_of_new(manifest))
    live = objects.get(*identity(manifest))
    tried = objects.apply(manifest, dry_run=True)
    if live is None:
        return PlannedObject(manifest, ObjectStep.CREATE, told_of_new(manifest))
    if _asked_for(live) == _asked_for(tried):
        return PlannedObject(manifest, ObjectStep.KEEP)
    return PlannedObject(manifest, ObjectStep.CHANGE, changes(live, tried))


def _asked_for(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in _SERVERS_OWN}
    rest = {k: v for k, v in manifest.items() if k not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def find_installed(objects: Objects, environment: EnvironmentName) -> Installed | None:
    """Return the agent that serves an environment; None if none has rights there."""
    [found] = find_all_installed(objects, [environment])
    return found


def find_all_installed(
    objects: Objects, environments: Sequence[EnvironmentName]
) -> list[Installed | None]:
    """Return the agent of each environment; raises why one cannot be read."""
    agents: list[Installed | None] = []
    for found in attempt_all_installed(objects, environments):
        if isinstance(found, GitOpsError):
            raise found
        agents.append(found)
    return agents


def attempt_all_installed(
    objects: Objects, environments: Sequence[EnvironmentName]
) -> list[Installed | GitOpsError | None]:
    """Return the agent of each environment, or why it cannot be read; None without any rights.

    A controller that has many is read once.
    """
    homes = attempt_all(lambda name: _home(objects, name), environments, at_once=ASKED_AT_ONCE)
    distinct = list(dict.fromkeys(home for home in homes if isinstance(home, str)))
    agents = attempt_all(lambda home: _agent_in(objects, home), distinct, at_once=ASKED_AT_ONCE)
    agent_in = dict(zip(distinct, agents, strict=True))
    return [
        _serving(environment, home, agent_in[home]) if isinstance(home, str) else home
        for environment, home in zip(environments, homes, strict=True)
    ]


def _agent_in(objects: Objects, namespace: str) -> Installed:
    """Return the agent whose process is in a namespace; one of a CronJob names no environment."""
    cronjob = objects.get("CronJob", namespace, NAME)
    if cronjob is not None:
        return Installed(namespace, (), cronjob)
    return Installed(namespace, *controller_in(objects, namespace))


def _serving(
    environment: EnvironmentName, home: str, agent: Installed | GitOpsError
) -> Installed | GitOpsError:
    if isinstance(agent, Denied) and home == environment:
        return Installed(home, (), None)  # who installs CronJobs need not see Deployments
    if isinstance(agent, Installed) and agent.workload is not None and not agent.is_controller:
        return agent._replace(environments=(environment,))
    return agent


def find_leftover(objects: Objects, environment: EnvironmentName) -> Installed | None:
    """Return the agent that serves an environment, or the usual controller that still names it.

    That one has no rights there any more: they went with the namespace.
    """
    installed = find_installed(objects, environment)
    if installed is not None:
        return installed
    try:
        names, deployment = controller_in(objects, CONTROLLER_NAMESPACE)
    except Denied:
        return None
    return Installed(CONTROLLER_NAMESPACE, names, deployment) if environment in names else None


def controller_in(
    objects: Objects, namespace: str
) -> tuple[tuple[EnvironmentName, ...], Manifest | None]:
    """Return the environments of the controller in a namespace, and its Deployment."""
    deployment = objects.get("Deployment", namespace, NAME)
    if deployment is None:
        return (), None
    return setup_of(deployment).environments, deployment


def apply_plan(objects: Objects, plan: Iterable[PlannedObject]) -> None:
    """Write what the plan says, in its order."""
    for planned in plan:
        match planned.step:
            case ObjectStep.CREATE | ObjectStep.CHANGE:
                objects.apply(planned.manifest, dry_run=False)
            case ObjectStep.DELETE:
                objects.delete(planned.manifest)
            case ObjectStep.KEEP:
                pass


def plan_uninstall(
    objects: Objects, environments: Iterable[EnvironmentName]
) -> list[PlannedObject]:
    """Return what removing the agent from environments deletes, its key included.

    A controller that has other environments stays, without these. For what takes rights in all
    of the cluster see `plan_unrestrict`.
    """
    plan: list[PlannedObject] = []
    rights: list[Named] = []
    leaving: dict[str, list[EnvironmentName]] = {}
    for environment in environments:
        installed = find_leftover(objects, environment)
        home = installed.namespace if installed is not None else environment
        if installed is not None and (installed.is_controller or home != environment):
            leaving.setdefault(home, []).append(environment)
        elif not _is_home_of_others(objects, environment):
            plan += _plan_delete(objects, _process(home, AgentMode.CRONJOB))
        rights += [(kind, environment, NAME) for kind in ("RoleBinding", "Role", "ConfigMap")]
    for home, those in leaving.items():
        plan += _plan_leave(objects, home, those)
    return plan + _plan_delete(objects, rights)


def plan_unrestrict(objects: Objects, environment: EnvironmentName) -> list[PlannedObject]:
    """Return the deletion of an environment's binding of the policy of `--restrict`.

    Raises Denied: it is an object of the whole cluster. Without the agent it has no effect.
    """
    return _plan_delete(
        objects, [("ValidatingAdmissionPolicyBinding", None, f"{NAME}-{environment}")]
    )


def restricted_of(
    objects: Objects, environments: Sequence[EnvironmentName]
) -> list[EnvironmentName]:
    """Return the environments whose agent `--restrict` leaves nothing but images."""
    found = ask_all(lambda name: is_restricted(objects, name), environments)
    return [name for name, is_it in zip(environments, found, strict=True) if is_it]


def is_restricted(objects: Objects, environment: EnvironmentName) -> bool:
    """Tell whether `--restrict` leaves the agent of an environment nothing but images."""
    try:
        binding = objects.get("ValidatingAdmissionPolicyBinding", None, f"{NAME}-{environment}")
    except Denied:  # who may not look did not install it so
        return False
    return binding is not None


def _is_home_of_others(objects: Objects, environment: EnvironmentName) -> bool:
    """Tell whether a controller lives in an environment that it does not serve itself."""
    try:
        return controller_in(objects, environment)[1] is not None
    except Denied:
        return False


def plan_forget_signers(objects: Objects, home: str) -> list[PlannedObject]:
    """Return the deletion of whom an agent trusted, where it follows everybody's commits now."""
    return _plan_delete(objects, [("ConfigMap", home, SIGNERS)])


def plan_replace(objects: Objects, specs: Iterable[AgentSpec]) -> list[PlannedObject]:
    """Return what retires the agents that served these environments in another mode or place.

    Two would do the work twice, and the old one's key would stay behind, forgotten.
    """
    plan: list[PlannedObject] = []
    leaving: dict[str, list[EnvironmentName]] = {}
    served = [(spec, environment) for spec in specs for environment in spec.environments]
    homes = ask_all(lambda one: _home(objects, one[1]), served)
    replaced = ask_all(lambda one: _has_other_process(objects, *one), served)
    for (spec, environment), home, is_replaced in zip(served, homes, replaced, strict=True):
        if home is not None and home not in (environment, spec.namespace):
            leaving.setdefault(home, []).append(environment)
        if is_replaced:
            old = _process(environment, AgentMode.CRONJOB)
            plan += _plan_delete(objects, old[:1] if environment == spec.namespace else old)
    for home, environments in leaving.items():
        plan += _plan_leave(objects, home, environments)
    return plan


def _has_other_process(objects: Objects, spec: AgentSpec, environment: EnvironmentName) -> bool:
    """Tell whether a CronJob serves what a controller is to serve."""
    is_controller = spec.mode is AgentMode.CONTROLLER
    return is_controller and objects.get("CronJob", environment, NAME) is not None


def _home(objects: Objects, environment: EnvironmentName) -> str | None:
    """Return the namespace of the agent that has rights in an environment."""
    binding = objects.get("RoleBinding", environment, NAME)
    subjects = (binding or {}).get("subjects") or [{}]
    home: str | None = subjects[0].get("namespace")
    return home


def _plan_leave(
    objects: Objects, home: str, environments: Sequence[EnvironmentName]
) -> list[PlannedObject]:
    """Return how a controller loses environments: with the last one it goes, and its key."""
    served, deployment = controller_in(objects, home)
    if deployment is not None and set(served) - set(environments):
        smaller = _without(deployment, environments)
        return [PlannedObject(smaller, ObjectStep.CHANGE, changes(deployment, smaller))]
    return _plan_delete(objects, _process(home, AgentMode.CONTROLLER))


Named = tuple[str, str | None, str]


def _process(home: str, mode: AgentMode) -> list[Named]:
    """Return what an agent consists of beside its rights, in the order of deletion."""
    return [
        ("CronJob" if mode is AgentMode.CRONJOB else "Deployment", home, NAME),
        ("Secret", home, KEY_SECRET),
        ("ConfigMap", home, SIGNERS),
        ("ServiceAccount", home, NAME),
    ]


def _plan_delete(objects: Objects, doomed: Iterable[Named]) -> list[PlannedObject]:
    """Return the deletions of what is there; the server has accepted each in a dry run."""
    plan = [
        PlannedObject(_named(*one), ObjectStep.DELETE)
        for one in doomed
        if objects.get(*one) is not None
    ]
    for planned in plan:
        objects.delete(planned.manifest, dry_run=True)
    return plan


def _without(workload: Manifest, environments: Iterable[EnvironmentName]) -> Manifest:
    """Return the controller's Deployment as it is applied, without some environments."""
    template = workload["spec"]["template"]
    pod = template["spec"]
    [container, *_] = pod["containers"]
    gone = {f"--env={environment}" for environment in environments}
    command = [word for word in container.get("command") or () if word not in gone]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {key: workload["metadata"][key] for key in ("name", "namespace", "labels")},
        "spec": {
            **{k: v for k, v in workload["spec"].items() if k != "template"},
            "template": {
                "metadata": {"labels": template["metadata"]["labels"]},
                "spec": {**pod, "containers": [{**container, "command": command}]},
            },
        },
    }


def _named(kind: str, namespace: str | None, name: str) -> Manifest:
    metadata = {"name": name} | ({} if namespace is None else {"namespace": namespace})
    return {"kind": kind, "metadata": metadata}

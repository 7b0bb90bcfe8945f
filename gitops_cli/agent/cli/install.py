"""`gitops agent manifests` and `install`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gitops_cli.agent import keys
from gitops_cli.agent.cli.image import check_image
from gitops_cli.agent.cli.key import confirmed_hosts, try_repository
from gitops_cli.agent.cli.options import (
    DEFAULT_NAMESPACE,
    TRUST,
    Again,
    AgentRepo,
    AllowedSigners,
    AsInstalled,
    Branch,
    GpgKeyring,
    HostKeys,
    Image,
    Interval,
    KnownHosts,
    Metrics,
    Mode,
    Named,
    Namespace,
    PullSecret,
    RepositoryAccess,
    Restrict,
    SeedApt,
    Seeded,
    SeedIndex,
    SeedPackage,
    Steps,
    Unsigned,
    WantedAgent,
    Without,
    agent_url,
)
from gitops_cli.agent.cli.plan import ClusterPlan, carry_out, say_strangers, unread
from gitops_cli.agent.existing import Standing, read_standing
from gitops_cli.agent.installing import (
    find_all_installed,
    plan_forget_signers,
    plan_install,
    plan_replace,
    restricted_of,
)
from gitops_cli.agent.model.manifests import Manifest, identity
from gitops_cli.agent.model.manifests import manifests as manifests_of
from gitops_cli.agent.model.spec import IDENTITY, NEXT_IDENTITY, AgentMode, AgentSpec
from gitops_cli.agent.rotating import Secret, read_secret
from gitops_cli.agent.view import manifests_view
from gitops_cli.agent.wanted_rights import manifest_rights
from gitops_cli.agent.wanted_steps import pinned_steps
from gitops_cli.cli.clusters import clusters_of, environments_named, placed
from gitops_cli.cli.command import command
from gitops_cli.cli.options import Context, DryRun, EnvToo, Kubeconfig, Limit, Project, Yes
from gitops_cli.cli.prompts import confirm, may_ask
from gitops_cli.cli.resolve import words_of
from gitops_cli.cli.session import Session
from gitops_cli.cli.stepping import trust_store
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.ssh import ssh_server
from gitops_cli.operations.placement import Clusters
from gitops_cli.operations.ports import Objects
from gitops_cli.web.parallel import ask_all

KeyFile = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Use this private key instead of the cluster's."),
]


@command
def manifests(
    session: Session,
    environments: Named = None,
    env: EnvToo = None,
    project: Project = None,
    mode: Mode = AgentMode.CRONJOB,
    image: Image = None,
    seeded: Seeded = False,
    seed_index: SeedIndex = None,
    seed_apt: SeedApt = None,
    seed_packages: SeedPackage = None,
    agent_repo: AgentRepo = None,
    branch: Branch = None,
    interval: Interval = None,
    metrics: Metrics = None,
    restrict: Restrict = False,
    without: Without = None,
    allowed_signers: AllowedSigners = None,
    gpg_keyring: GpgKeyring = None,
    namespace: Namespace = DEFAULT_NAMESPACE,
    pull_secrets: PullSecret = None,
    steps: Steps = None,
    with_secret: Annotated[
        bool, typer.Option("--with-secret", help="Print the deploy key's Secret too.")
    ] = False,
    key: KeyFile = None,
    known_hosts: KnownHosts = None,
    host_keys: HostKeys = None,
    timeout: Limit = None,
) -> None:
    """Print the agent's objects as YAML for `kubectl apply -f -`.

    Without --with-secret the key's Secret is left out: `gitops agent key` puts it into the
    cluster. With it a new key is made, or that of --key is used.

    Examples:
    gitops agent manifests prod | kubectl apply -f -
    gitops agent manifests prod --mode controller --restrict > agent.yaml
    """
    wanted = WantedAgent(
        mode,
        image,
        seeded,
        seed_index,
        seed_apt,
        seed_packages or (),
        branch,
        interval,
        restrict,
        without or (),
        (),
        allowed_signers,
        gpg_keyring,
        False,
        namespace,
        pull_secrets or (),
        agent_repo,
        steps,
        metrics,
    )
    session.limits.begin(timeout)
    agent_url(session, agent_repo)
    snapshot, _, names = _meant(session, words_of(environments, env), project)
    found: list[Manifest] = []
    restricted = names if restrict else []
    applying = [name for name in names if name not in restricted]
    rights = manifest_rights(session.state, snapshot, applying, unread=unread(session))
    pins = _pins(session, wanted, snapshot, names)
    for group in wanted.groups(names):
        spec = wanted.spec(
            session, snapshot, group, rights=rights, restricted=restricted, pins=pins
        )
        secret = None
        if with_secret:
            secret = _new_secret(session, spec, key, known_hosts, host_keys or ())
        found += manifests_of(spec, secret=secret)
    session.show(manifests_view(_each_once(found)))


@command
def install(
    session: Session,
    environments: Named = None,
    env: EnvToo = None,
    project: Project = None,
    mode: AsInstalled = None,
    image: Image = None,
    seeded: Seeded = False,
    seed_index: SeedIndex = None,
    seed_apt: SeedApt = None,
    seed_packages: SeedPackage = None,
    agent_repo: AgentRepo = None,
    branch: Branch = None,
    interval: Interval = None,
    metrics: Metrics = None,
    restrict: Restrict = False,
    without: Without = None,
    again: Again = None,
    allowed_signers: AllowedSigners = None,
    gpg_keyring: GpgKeyring = None,
    no_require_signed: Unsigned = False,
    namespace: Namespace = DEFAULT_NAMESPACE,
    pull_secrets: PullSecret = None,
    steps: Steps = None,
    key: KeyFile = None,
    known_hosts: KnownHosts = None,
    host_keys: HostKeys = None,
    verify_image: Annotated[
        bool,
        typer.Option(
            "--verify-image/--no-verify-image",
            help="Ask the registry for the image.",
            rich_help_panel=TRUST,
        ),
    ] = True,
    dry_run: DryRun = False,
    yes: Yes = False,
    timeout: Limit = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Install the agent: try everything, show the plan, apply it server-side.

    Tried first: that the repository can be read with the agent's key, that its pod can pull the
    image, and that the API server accepts every object from you. What you do not speak of stays
    as it is where an agent is installed already; one that served an environment in the other
    mode, or from another namespace, is removed with its key.

    Examples:
    gitops agent install prod --dry-run
    gitops agent install prod --seeded --yes
    gitops agent install dev staging --mode controller  # one process for both
    """
    said = WantedAgent(
        mode or AgentMode.CRONJOB,
        image,
        seeded,
        seed_index,
        seed_apt,
        seed_packages or (),
        branch,
        interval,
        restrict,
        without or (),
        again or (),
        allowed_signers,
        gpg_keyring,
        no_require_signed,
        namespace,
        pull_secrets or (),
        agent_repo,
        steps,
        metrics,
    )
    session.limits.begin(timeout)
    snapshot, _, names = _meant(session, words_of(environments, env), project)
    access = RepositoryAccess(key, known_hosts, host_keys or (), verify_image)
    clusters = clusters_of(session, context, kubeconfig, warm=False, acts=True)
    plans = planned_agents(session, said, snapshot, names, clusters, access, anew=mode is not None)
    carry_out(session, plans, dry_run=dry_run, yes=yes, question="Install it?")


def planned_agents(
    session: Session,
    said: WantedAgent,
    snapshot: Snapshot,
    names: Sequence[EnvironmentName],
    clusters: Clusters,
    access: RepositoryAccess,
    *,
    anew: bool,
) -> list[ClusterPlan]:
    """Return what installing agents does; all of it was tried.

    `anew`: in the mode that is said, whatever is there.
    """
    trust_is_told = said.trust_is_told
    pins = _pins(session, said, snapshot, names)
    plans: list[ClusterPlan] = []
    asked: set[tuple[str, str]] = set()
    for cluster, there in placed(clusters, names, snapshot.team):
        objects = cluster.objects()
        wanted = said if anew else _as_installed(said, objects, there)
        restricted = list(there) if said.restrict else restricted_of(objects, there)
        applying = [name for name in there if name not in restricted]
        rights = manifest_rights(session.state, snapshot, applying, cluster, unread(session))
        found: list[Manifest] = []
        installing: list[AgentSpec] = []
        groups = list(wanted.groups(there))
        read = partial(_standing, objects, wanted, trust_is_told)
        for group, standing in zip(groups, ask_all(read, groups), strict=True):
            spec = wanted.spec(
                session,
                snapshot,
                group,
                standing,
                rights=rights,
                restricted=restricted,
                pins=pins,
            )
            say_strangers(session, snapshot, spec)
            secret = _tried_secret(
                session, objects, spec, access.key, access.known_hosts, access.host_keys
            )
            found += manifests_of(spec, secret=secret)
            installing.append(spec)
            if access.verify_image and (spec.image, spec.namespace) not in asked:
                check_image(session, objects, spec.image, spec.namespace, spec.pull_secrets)
                asked.add((spec.image, spec.namespace))
        plan = plan_install(objects, _each_once(found)) + plan_replace(objects, installing)
        if said.unsigned:
            for spec in installing:
                plan += plan_forget_signers(objects, spec.namespace)
        plans.append(ClusterPlan(cluster, plan))
    return plans


def _standing(
    objects: Objects, wanted: WantedAgent, trust_is_told: bool, group: Sequence[EnvironmentName]
) -> Standing | None:
    home = wanted.home(group[0])
    return read_standing(objects, wanted.mode, home, group, trust_is_told=trust_is_told)


def _pins(
    session: Session, wanted: WantedAgent, snapshot: Snapshot, names: Sequence[EnvironmentName]
) -> dict[EnvironmentName, str]:
    """Return the digests of the steps that are to be run; raises UsageError, Untrusted."""
    if not wanted.steps:
        return {}
    return pinned_steps(session.state, snapshot, names, trust_store())


def _needs_key(spec: AgentSpec) -> bool:
    return ssh_server(spec.url) is not None


def _tried_secret(
    session: Session,
    objects: Objects,
    spec: AgentSpec,
    file: Path | None,
    known_hosts: Path | None,
    fingerprints: Sequence[str],
) -> Secret | None:
    """Return the Secret to install, None: that of the cluster; the repository is read with it."""
    there = read_secret(objects, spec.namespace)
    secret = None
    if file is not None or (_needs_key(spec) and IDENTITY not in (there or {})):
        if file is None and not may_ask():
            raise UsageError(
                f"{spec.namespace} has no deploy key yet",
                hint=f"make and register one first: gitops agent key {spec.environments[0]}",
            )
        secret = _new_secret(session, spec, file, known_hosts, fingerprints)
        if file is None:
            confirm("Is it registered at the git server?")
        following = (there or {}).get(NEXT_IDENTITY)
        if following not in (None, secret[IDENTITY]):  # a rotation is under way, and goes on
            secret = {**secret, NEXT_IDENTITY: following}
    try_repository(session, spec.url, secret or there, spec.branch)
    return secret


def _new_secret(
    session: Session,
    spec: AgentSpec,
    file: Path | None,
    known_hosts: Path | None,
    fingerprints: Sequence[str],
) -> Secret:
    hosts = confirmed_hosts(session, spec.url, known_hosts, fingerprints)
    if file is not None:
        try:
            private = file.read_bytes()
        except OSError as error:
            raise UsageError(f"{file}: {error.strerror}") from error
        keys.public_key(private)  # raises if it is none, or has a passphrase
        return keys.secret_files(private, hosts)
    pair = keys.generate(f"gitops-agent@{spec.namespace}")
    session.output.say(f"register it as a read-only deploy key:\n{pair.public}")
    return keys.secret_files(pair.private, hosts)


def _each_once(found: Iterable[Manifest]) -> list[Manifest]:
    """Return the objects without repetitions, such as the policy that all environments share."""
    return list({identity(manifest): manifest for manifest in found}.values())


def _as_installed(
    wanted: WantedAgent, objects: Objects, environments: Sequence[EnvironmentName]
) -> WantedAgent:
    """Return it in the mode, and the controller's namespace, of the agent that is installed.

    Raises UsageError where environments have agents of both modes, or several controllers.
    """
    found = find_all_installed(objects, environments)
    agents = [agent for agent in found if agent is not None and agent.workload is not None]
    homes = sorted({agent.namespace for agent in agents if agent.is_controller})
    if not homes:
        return wanted
    if len(homes) > 1 or not all(agent.is_controller for agent in agents):
        modes = (("cronjob", "controller")[agent.is_controller] for agent in agents)
        each = (f"{mode} in {a.namespace}" for mode, a in zip(modes, agents, strict=True))
        raise UsageError(
            f"these environments have agents of several kinds: {', '.join(dict.fromkeys(each))}",
            hint="say which with --mode (and --agent-namespace), or name one environment at a time",
        )
    usual = wanted.namespace == DEFAULT_NAMESPACE
    namespace = homes[0] if usual else wanted.namespace
    return wanted._replace(mode=AgentMode.CONTROLLER, namespace=namespace)


def _meant(
    session: Session, words: Sequence[str], project: str | None
) -> tuple[Snapshot, TeamSettings, list[EnvironmentName]]:
    snapshot = session.look(require_remote=True).snapshot
    team = snapshot.team
    return snapshot, team, environments_named(session, words, snapshot, project=project)

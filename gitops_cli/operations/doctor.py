"""Look at everything gitops needs, and say how to mend what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitops_cli.domain.cluster.rights import Right
from gitops_cli.domain.duration import age
from gitops_cli.domain.errors import ConfigurationError, GitOpsError, UsageError
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.past.ancestry import Evidence
from gitops_cli.domain.recorded.environment import Environment, Snapshot
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.domain.recorded.resolution import is_declared, service_of_remote
from gitops_cli.domain.recorded.signed import Signer
from gitops_cli.domain.recorded.stages import in_order
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.settings import BadSettings, Defect
from gitops_cli.domain.text import plural, redacted
from gitops_cli.domain.version import Version
from gitops_cli.operations.placement import Clusters, Placed
from gitops_cli.operations.ports import Cluster
from gitops_cli.operations.validate import findings_of
from gitops_cli.web.parallel import ask_all

if TYPE_CHECKING:
    from gitops_cli.registry.client import Registries
    from gitops_cli.source.checkout import Checkout
    from gitops_cli.source.repository import SourceRepository, Sources
    from gitops_cli.state.repository import StateRepository


class Verdict(StrEnum):
    """What a check says."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Diagnosis(NamedTuple):
    """One thing that was looked at; `hint` mends it."""

    name: str
    verdict: Verdict
    detail: str
    hint: str | None = None


OLDEST_GIT = (2, 34)
OLDEST_SERVER = (1, 28)
SKEW = timedelta(seconds=30)


def attempt(
    name: str, look: Callable[[], Diagnosis | str], *, otherwise: Verdict = Verdict.FAILED
) -> Diagnosis:
    """Return what `look` says, or the verdict `otherwise` with the error it raises."""
    try:
        found = look()
    except GitOpsError as error:
        return Diagnosis(name, otherwise, error.message, error.hint)
    return Diagnosis(name, Verdict.OK, found) if isinstance(found, str) else found


def check_git(version: str | None) -> Diagnosis:
    """Judge git's version."""
    upgrade = f"install git {'.'.join(map(str, OLDEST_GIT))} or newer"
    if version is None:
        return Diagnosis("git", Verdict.FAILED, "git was not found", upgrade)
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_GIT:
        return Diagnosis("git", Verdict.FAILED, f"git {version} is too old", upgrade)
    return Diagnosis("git", Verdict.OK, version)


def check_gitops(version: str) -> Diagnosis:
    return Diagnosis("gitops", Verdict.OK, version)


def check_config(defects: Sequence[Defect]) -> Iterator[Diagnosis]:
    """Say what is wrong in the user's own config, if anything is."""
    if defects:
        wrong = BadSettings(*defects)
        yield Diagnosis("config.toml", Verdict.WARNING, wrong.message, "`gitops config edit`")


def check_identity(name: str | None) -> Diagnosis:
    """Judge whether git knows who writes."""
    if name is not None:
        return Diagnosis("identity", Verdict.OK, name)
    hint = (
        'git config --global user.name "Your Name"; git config --global user.email you@example.com'
    )
    return Diagnosis("identity", Verdict.WARNING, "git does not know who you are", hint)


def check_repository(state: StateRepository) -> str:
    where = f", checked out in {state.worktree}" if state.worktree else ""
    return f"{state.description}{where}"


def check_remote(state: StateRepository, now: datetime) -> Iterator[Diagnosis]:
    """Ask the remote: is it there, is its clock right, would it take a push?"""
    tip = state.tip()
    branch = f" of {state.branch}" if state.branch else ""
    if tip.commit is None or tip.committed_at is None:
        yield Diagnosis("remote", Verdict.OK, f"reachable{branch}, without commits")
    else:
        since = age(now - tip.committed_at)
        yield Diagnosis("remote", Verdict.OK, f"tip{branch} is {tip.commit[:7]}, {since} old")
        if tip.committed_at > now + SKEW:
            ahead = age(tip.committed_at - now)
            detail = f"the newest commit is {ahead} in the future: a clock is wrong"
            yield Diagnosis(
                "clock", Verdict.WARNING, detail, "compare `date -u` with another machine's"
            )
    yield attempt("write access", lambda: _write_access(state))


def _write_access(state: StateRepository) -> str:
    state.check_write()
    return "a push would be let in"


def check_files(snapshot: Snapshot, now: datetime) -> Diagnosis:
    """Judge the repository's content."""
    findings = findings_of(snapshot, now=now)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    what = plural(len(snapshot.environments), "environment")
    if findings:
        verdict = Verdict.FAILED if errors else Verdict.WARNING
        detail = f"{what}, {plural(errors, 'error')}, {plural(len(findings) - errors, 'warning')}"
        return Diagnosis("files", verdict, detail, "`gitops validate` lists them")
    if not snapshot.environments:
        hint = "`gitops env add NAME` makes one"
        return Diagnosis("files", Verdict.WARNING, "no environments", hint)
    return Diagnosis("files", Verdict.OK, what)


def check_identities(team: TeamSettings, knows: Callable[[], bool]) -> Iterator[Diagnosis]:
    """Say which stages want signatures of identities, if this machine cannot judge them."""
    stages = [
        name
        for name, rules in team.rules.items()
        for signed in (rules.signature, rules.attestation)
        if signed is not None and isinstance(signed.by, Signer)
    ]
    if stages and not knows():
        where = ", ".join(dict.fromkeys(stages))
        detail = f"signatures of identities, for {where}, cannot be judged here"
        yield Diagnosis("signatures", Verdict.WARNING, detail, "pip install 'gitops-cli[keyless]'")


def check_sources(snapshot: Snapshot, sources: Sources) -> list[Diagnosis]:
    """Ask each source that gitops.toml names for a commit that is recorded."""
    team = snapshot.team
    services = sorted(s for s in team.services if team.service(s).source is not None)

    def look(service: ServiceName) -> Diagnosis:
        name, version = f"source of {service}", _recorded(snapshot, service)
        if version is None or not version.is_commit:
            return Diagnosis(name, Verdict.SKIPPED, "no commit of it is recorded")
        source = sources.of(service)
        when = source.commit_time(version.tag)
        if when is not None:
            return Diagnosis(name, Verdict.OK, f"knows {version.short}")
        if source.trouble is not None:
            hint = f"try it: git ls-remote {redacted(team.service(service).source or '')}"
            return Diagnosis(name, Verdict.FAILED, source.trouble, hint)
        detail = f"does not know the recorded commit {version.short}"
        return Diagnosis(name, Verdict.WARNING, detail, f"check [service.{service}] source")

    return ask_all(look, services)


def check_checkout(checkout: Checkout, snapshot: Snapshot, sources: Sources) -> Iterator[Diagnosis]:
    """Say which service the checkout is, whose record it writes, and what orders its builds."""
    team = snapshot.team
    try:
        service = service_of_remote(checkout.remotes, checkout.root.name, team, checkout.within)
    except UsageError as error:
        yield Diagnosis("service", Verdict.WARNING, error.message, error.hint)
        return
    rules = team.service(service)
    declared = is_declared(service, checkout.remotes, team)
    how = f"[service.{service}] source" if declared else "its name"
    homes = in_order((n for n, e in snapshot.environments.items() if service in e.files), team)
    if not homes:
        detail = f"{service}, by {how}, which no environment has"
        hint = f"`gitops set {service} -e ENV --new` records it; gitops.toml may name its source"
        yield Diagnosis("service", Verdict.WARNING, detail, hint)
        return
    where = f" ({rules.path})" if rules.path else ""
    detail = f"{service}{where}, by {how}; recorded in {', '.join(homes)}"
    yield Diagnosis("service", Verdict.OK, detail)
    yield _ancestry(service, sources.of(service), snapshot)


def _ancestry(service: ServiceName, source: SourceRepository, snapshot: Snapshot) -> Diagnosis:
    """Say whether the stale-build guard can ask for ancestry, and of what."""
    stages = [stage for stage in snapshot.team.stages if snapshot.team.needs_ancestry(stage)]
    required = f"; required in {', '.join(stages)}" if stages else ""
    version = _recorded(snapshot, service)
    named = ", then ".join(source.evidence)
    if not source.evidence:
        otherwise = required or f"; {Evidence.TIMES} decide"
        detail = f"cannot be asked: history is cut here, and there is no remote{otherwise}"
        hint = "clone it whole: `git fetch --unshallow`; in CI fetch-depth 0"
        return Diagnosis("ancestry", Verdict.WARNING, detail, hint)
    if version is not None and version.is_commit and source.commit_time(version.tag) is None:
        why = source.trouble or f"{version.short} is not known there"
        detail = f"asked of {named}, but the recorded commit was not found: {why}{required}"
        return Diagnosis("ancestry", Verdict.WARNING, detail, "is this its whole source?")
    return Diagnosis("ancestry", Verdict.OK, f"asked of {named}{required}")


def _recorded(snapshot: Snapshot, service: ServiceName) -> Version | None:
    for environment in snapshot.environments.values():
        if service in environment.files:
            return environment.files[service].version
    return None


def check_registries(snapshot: Snapshot, registries: Registries) -> list[Diagnosis]:
    """Ask the registry of each images path for one recorded image."""
    samples: dict[str, tuple[Environment, ServiceName]] = {}
    for environment in snapshot.environments.values():
        for service in environment.files:
            if environment.images_path is not None:
                samples.setdefault(environment.images_path, (environment, service))

    def look(images_path: str) -> Diagnosis:
        environment, service = samples[images_path]
        image = environment.image(service)

        def ask() -> Diagnosis | str:
            if registries.digest(image) is None:
                hint = "was it pushed, and is images_path right?"
                return Diagnosis(f"images in {images_path}", Verdict.WARNING, f"no {image}", hint)
            return f"has {image}"

        # Many work where the registry is not reachable: only --verify-image needs it.
        return attempt(f"images in {images_path}", ask, otherwise=Verdict.WARNING)

    return ask_all(look, sorted(samples))


def check_clusters(
    snapshot: Snapshot,
    clusters: Clusters,
    agents: Callable[[Placed], Iterable[Diagnosis]],
    *,
    now: Callable[[], datetime],
    begin: Callable[[str], None] = lambda what: None,
) -> Iterator[Diagnosis]:
    """Ask the environments' clusters: reachable, clock, rights, agents.

    `begin` hears which cluster is asked.
    """
    placed, errors = clusters.place(snapshot.environments, snapshot.team)
    for error in {str(error): error for error in errors.values()}.values():
        concerned = [name for name, other in errors.items() if str(other) == str(error)]
        # Without a kubeconfig everything but diff and sync works.
        missing = isinstance(error, ConfigurationError)
        verdict = Verdict.WARNING if missing else Verdict.FAILED
        yield Diagnosis("cluster", verdict, f"{error.message} ({', '.join(concerned)})", error.hint)
    for group in placed:
        name = f"cluster {group.cluster.context or group.cluster.server}"
        begin(name)
        reached = attempt(name, partial(_server, group.cluster, now))
        yield reached
        if reached.verdict is not Verdict.FAILED:
            yield attempt("rights", partial(_rights, group, snapshot))
            yield attempt("explaining", partial(_explaining, group, snapshot))
            yield from agents(group)


def _server(cluster: Cluster, now: Callable[[], datetime]) -> Diagnosis | str:
    server = cluster.about()
    name = f"cluster {cluster.context or cluster.server}"
    moment = now()
    if server.time is not None and abs(server.time - moment) > SKEW:
        skew = age(abs(server.time - moment))
        detail = f"{server.version}; its clock and ours differ by {skew}"
        return Diagnosis(name, Verdict.WARNING, detail, "compare `date -u` with the server's")
    numbers = tuple(int(number) for number in re.findall(r"[0-9]{1,9}", server.version)[:2])
    if numbers < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        detail = f"{server.version} is older than gitops is made for"
        return Diagnosis(name, Verdict.WARNING, detail, f"Kubernetes {oldest} or newer")
    return f"{server.version} at {cluster.server}"


def _rights(group: Placed, snapshot: Snapshot) -> Diagnosis | str:
    wanted = [
        Right(verb, kind, environment)
        for environment in group.environments
        for kind in sorted({f.kind for f in snapshot.environments[environment].files.values()})
        for verb in ("list", "patch")
    ]
    detail = _lacking(group.cluster, wanted)
    if detail is not None:
        hint = "diff needs `list`, sync needs `patch`; an agent can have them instead of you"
        return Diagnosis("rights", Verdict.WARNING, detail, hint)
    return f"list and patch in {plural(len(group.environments), 'namespace')}"


def _explaining(group: Placed, snapshot: Snapshot) -> Diagnosis | str:
    wanted = []
    for environment in group.environments:
        kinds = sorted({f.kind for f in snapshot.environments[environment].files.values()})
        wanted.append(Right("list", "pods", environment))
        wanted.append(Right("get", "pods", environment, subresource="log"))
        wanted += [Right("watch", kind, environment) for kind in (*kinds, "pods")]
    detail = _lacking(group.cluster, wanted)
    if detail is not None:
        hint = "without them pods explain nothing, and rollouts are polled instead of watched"
        return Diagnosis("explaining", Verdict.WARNING, detail, hint)
    return f"pods, logs and watches in {plural(len(group.environments), 'namespace')}"


def _lacking(cluster: Cluster, wanted: Sequence[Right]) -> str | None:
    """Return which of some rights we do not have; None: we have all."""
    answers = cluster.review(wanted)
    for answer in answers:
        if isinstance(answer, GitOpsError):
            raise answer
    lacking = [str(right) for right, answer in zip(wanted, answers, strict=True) if answer is False]
    if not lacking:
        return None
    more = f" and {len(lacking) - 3} more" if lacking[3:] else ""
    return f"not permitted: {', '.join(lacking[:3])}{more}"

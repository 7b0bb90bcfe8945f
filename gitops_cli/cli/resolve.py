"""Find or ask for what a command needs: the environment and the service."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from gitops_cli.cli.prompts import choose, may_ask
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName, parse_service
from gitops_cli.domain.recorded.environment import Snapshot
from gitops_cli.domain.recorded.resolution import (
    environment_for,
    is_source_of,
    projects_with,
    service_of_remote,
)
from gitops_cli.domain.recorded.stages import Ambiguous, in_order, of_project
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.text import one_line, redacted
from gitops_cli.domain.values import NamedTuple

if TYPE_CHECKING:
    from gitops_cli.domain.recorded.selection import Filter
    from gitops_cli.source.checkout import Checkout


def environment_named(
    session: Session,
    word: str | None,
    snapshot: Snapshot,
    *,
    project: str | None = None,
    services: Collection[ServiceName] = (),
    flag: str = "--env",
    known: bool = True,
) -> EnvironmentName:
    """Return the environment meant by a full name, a stage or a prefix of one.

    Where several fit, or without a word, a terminal is asked. A script gets Ambiguous or
    UsageError (exit 2) that name the candidates. `flag` is the option that would answer.
    `known` is false where the services may be gone everywhere; else that is told instead.
    """
    if word is None:
        if known:
            need_services(services, snapshot, flag)
        return _asked(session, all_environments(session, snapshot, project), flag)
    try:
        return environment_for(
            word,
            snapshot,
            project=project,
            services=services,
            usual_project=session.user.project,
        )
    except Ambiguous as ambiguous:
        if known:
            need_services(services, snapshot, flag)
        if not may_ask():
            raise
        return choose_environment(
            session, f"Which environment is `{word}`?", ambiguous.fits, flag=flag
        )


def need_services(
    services: Collection[ServiceName], snapshot: Snapshot, flag: str = "--env"
) -> None:
    """Raise UnknownService for one that is nowhere, before somebody is asked about it."""
    if services:
        from gitops_cli.domain.recorded.newcomers import need_known  # where somebody may be asked

        need_known(services, snapshot, flag="-e" if flag == "--env" else flag)


def choose_environment(
    session: Session, question: str, names: Collection[EnvironmentName], *, flag: str
) -> EnvironmentName:
    """Let a person pick an environment; the option that would have said so is an answer."""
    chosen = choose(question, [(name, name) for name in names], flag=flag)
    if flag.startswith("--"):
        session.answers.options[flag] = chosen
    return EnvironmentName(chosen)


def all_environments(
    session: Session, snapshot: Snapshot, project: str | None
) -> list[EnvironmentName]:
    """Return all environments, or those of a project, in the order of stages.

    Raises ConfigurationError where there are none at all, UnknownEnvironment for no such project.
    """
    everything = in_order(snapshot.environments, snapshot.team)
    if not everything:
        raise ConfigurationError(
            f"{session.state.description} has no environments",
            hint="`gitops env add NAME` makes one",
        )
    return everything if project is None else of_project(everything, project, snapshot.team)


def _asked(session: Session, names: Collection[EnvironmentName], flag: str) -> EnvironmentName:
    if not may_ask():
        raise UsageError("which environment?", hint=f"pass {flag}: {', '.join(names)}")
    return choose_environment(session, "Environment?", names, flag=flag)


def words_of(environments: Sequence[str] | None, env: Sequence[str] | None) -> list[str]:
    """Return the environments that are named, as arguments or by -e; raises UsageError for none."""
    words = [*(environments or ()), *(env or ())]
    if not words:
        raise UsageError("which environment?", hint="name it: an environment or a stage")
    return words


def one_word(environments: Sequence[str] | None, env: Sequence[str] | None) -> str:
    """Return the one environment that is named; raises UsageError for none and for several."""
    words = list(dict.fromkeys(words_of(environments, env)))
    if len(words) > 1:
        raise UsageError(f"one environment at a time, not {', '.join(map(one_line, words))}")
    return words[0]


def environment_among(
    session: Session, words: Sequence[str], env: str | None, snapshot: Snapshot | None = None
) -> tuple[list[str], str | None]:
    """Return the words without the one that names the environment, and that one, or `env`.

    So `gitops lock prod` is `gitops lock -e prod`. With -e all words are of services. Without a
    snapshot the tip is asked where it is needed.
    """
    bare = [word for word in words if "=" not in word]
    if env is not None or not bare:
        return list(words), env
    from gitops_cli.domain.recorded.selection import told_apart  # words may be environments

    if snapshot is None:
        snapshot = session.look(require_remote=True).snapshot
    named = told_apart(bare, snapshot).environments
    left = [word for word in words if word not in named]
    return left, one_word(named, None) if named else None


def service_checkout(session: Session) -> Checkout:
    """Return the service's checkout that the command works in; raises UsageError."""
    checkout = session.checkout
    if checkout is None and session.unreadable is not None:
        raise session.unreadable
    if checkout is None:
        if session.in_state:  # or what was taken for it: then that is the news
            session.state.snapshot(session.state.tip(require_remote=False).commit)
        where = "the state repository" if session.in_state else "not a git checkout"
        raise UsageError(
            f"{session.directory} is {where}, so it says no service and no hash",
            hint="name them: gitops set SERVICE=HASH -e ENV",
        )
    return checkout


class Built(NamedTuple):
    """What was built here: a branch, or a request that is not merged; neither if nobody says."""

    branch: str | None = None
    request: str | None = None


def built_here(session: Session) -> Built:
    """Return what CI says it builds, else the branch that is checked out."""
    ci, checkout = session.ci, session.checkout
    if ci is not None and (ci.branch or ci.request):
        return Built(ci.branch, ci.request)
    # A known system that names no branch builds a tag: the name checked out is its own matter.
    is_known = ci is not None and ci.system != "CI"
    return Built(None if checkout is None or is_known else checkout.branch, None)


def service_of(checkout: Checkout, team: TeamSettings) -> ServiceName:
    """Return which service a checkout is; raises UsageError."""
    return service_of_remote(checkout.remotes, checkout.root.name, team, checkout.within)


def need_source(
    checkout: Checkout, service: ServiceName, team: TeamSettings, *, instead: str | None = None
) -> None:
    """Raise UsageError unless a checkout is the source of a service: its HEAD is no version else.

    Nothing could say whether such a hash is older than the recorded one. `instead` is how to
    record it all the same.
    """
    if is_source_of(service, checkout.remotes, checkout.root.name, team):
        return
    remote = redacted(checkout.address) if checkout.address else "its URL"
    spelled = f"write {instead} if it is meant, or " if instead else ""
    raise UsageError(
        f"{checkout.root} is not known as the source of {service}",
        hint=f'{spelled}say so in gitops.toml: [service.{service}] source = "{one_line(remote)}"',
    )


def told_service_here(session: Session, snapshot: Snapshot) -> ServiceName | None:
    """Return the service of this checkout, and say that it is what the command is about.

    None where some other thing is checked out, or no environment has that service.
    """
    if (checkout := session.checkout) is None:
        return None
    try:
        here = service_of(checkout, snapshot.team)
    except UsageError:
        return None
    if not projects_with(here, snapshot):
        return None
    session.output.note(f"{here}: the service of this checkout")
    return here


def looked_for(
    session: Session,
    snapshot: Snapshot,
    words: Sequence[str] | None,
    environments: Sequence[str] | None,
    project: str | None,
) -> Filter:
    """Return what a reading command shows: of its arguments, -e and -p, else of this checkout.

    Raises UsageError for what is the name of neither a service nor an environment.
    """
    from gitops_cli.domain.recorded.selection import Filter, told_apart

    said = told_apart(words or (), snapshot)
    return Filter(
        [parse_service(name) for name in said.services],
        [*said.environments, *(environments or ())],
        project,
        None if said.services else told_service_here(session, snapshot),
    )

"""The history of the sample state repository: what CI recorded and who promoted what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gitops_cli.domain.change.draft import Occasion, Verb, commit_of, proposal_of
from gitops_cli.domain.change.message import compose_message
from gitops_cli.domain.change.plan import Change
from gitops_cli.domain.change.proposal import Proposal
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.recorded.locks import Lock
from gitops_cli.domain.version import Version
from gitops_cli.sandbox.samples import (
    ADA,
    BEGINS,
    CI,
    EVE,
    FIRST,
    MOVES,
    PROJECTS,
    REGISTRY,
    SHOWCASE,
    SHOWN_IN,
    SOURCES,
    STAGES,
    SampleAuthor,
    SampleCommit,
    SampleMove,
)

CLUSTER = "gitops-sandbox"  # the kubeconfig's context, which gitops.toml insists on

_BUILD = timedelta(minutes=4)  # from a commit to its image


class StateCommit(NamedTuple):
    """One commit of the state repository: the files it writes."""

    author: SampleAuthor
    when: datetime
    message: str
    files: Mapping[str, str]


def timeline(
    hashes: Mapping[str, Sequence[str]], source_urls: Mapping[str, str]
) -> list[StateCommit]:
    """Return the commits, oldest first; `hashes` are each service's commits in their order."""
    recorded = {
        (f"{project}-{stage}", service): [hashes[service][FIRST[stage]]]
        for project, services in PROJECTS.items()
        for stage in STAGES
        for service in services
    }
    commits = [StateCommit(ADA, BEGINS, "Describe the environments\n", _first_files(recorded))]
    events: list[tuple[datetime, SampleMove | tuple[str, int]]] = [
        (move.when, move) for move in MOVES
    ]
    for service, history in SOURCES.items():
        events += [(built, (service, index)) for built, index in _builds(history)]
    for when, event in sorted(events, key=lambda event: event[0]):
        if isinstance(event, SampleMove):
            commits.append(_moved(event, recorded))
        else:
            service, index = event
            commit = SOURCES[service][index]
            commits += _built(when, service, hashes[service][index], commit, recorded)
    settings = {"gitops.toml": _settings(source_urls)}
    when = commits[-1].when + timedelta(minutes=30)
    described = StateCommit(ADA, when, "Say where the sources are\n", settings)
    return [*commits, described, *_showcase(when, recorded)]


_Recorded = dict[tuple[str, str], list[str]]  # (environment, service) → versions, oldest first


def _first_files(recorded: _Recorded) -> dict[str, str]:
    files = {
        f"{project}-{stage}/images_path": f"{REGISTRY}/{project}/\n"
        for project in PROJECTS
        for stage in STAGES
    }
    for (environment, service), versions in recorded.items():
        files[f"{environment}/{service}.deployment"] = f"{versions[0]}\n"
    return files


def _builds(history: Sequence[SampleCommit]) -> Iterator[tuple[datetime, int]]:
    for index, commit in enumerate(history):
        if commit.off is None and commit.when + _BUILD > BEGINS:
            yield commit.when + _BUILD, index


def _built(
    when: datetime, service: str, version: str, commit: SampleCommit, recorded: _Recorded
) -> Iterator[StateCommit]:
    occasion = Occasion(Verb.SET, source_times={ServiceName(service): commit.when})
    for number, project in enumerate(p for p, services in PROJECTS.items() if service in services):
        wanted = {(f"{project}-development", service): version}
        yield _written(CI, when + timedelta(seconds=9 * number), wanted, recorded, occasion)


def _moved(move: SampleMove, recorded: _Recorded) -> StateCommit:
    target = f"{move.project}-{move.stage}"
    if move.back:
        wanted = {(target, service): recorded[target, service][-2] for service in move.services}
        occasion = Occasion(Verb.ROLLBACK, move.reason)
    else:
        source = f"{move.project}-{STAGES[STAGES.index(move.stage) - 1]}"
        wanted = {(target, service): recorded[source, service][-1] for service in move.services}
        occasion = Occasion(Verb.PROMOTE, move.reason, source=EnvironmentName(source))
    return _written(move.who, move.when, wanted, recorded, occasion)


def _written(
    who: SampleAuthor,
    when: datetime,
    wanted: Mapping[tuple[str, str], str],
    recorded: _Recorded,
    occasion: Occasion,
) -> StateCommit:
    """Return the commit that `gitops` would have made of it, and note what it records."""
    environment = EnvironmentName(next(iter(wanted))[0])
    changes = [
        Change(ServiceName(service), Version(recorded[environment, service][-1]), Version(new))
        for (_, service), new in wanted.items()
        if recorded[environment, service][-1] != new
    ]
    proposal = proposal_of(environment, changes, (), occasion)
    files = {}
    for place, new in wanted.items():
        recorded[place].append(new)
        files[f"{environment}/{place[1]}.deployment"] = f"{new}\n"
    return _said(who, when, proposal, files)


def _showcase(when: datetime, recorded: _Recorded) -> Iterator[StateCommit]:
    """Yield how the protected stage was opened, and one service of it locked."""
    source = EnvironmentName(f"{SHOWN_IN}-{STAGES[-1]}")
    shown = EnvironmentName(f"{SHOWN_IN}-{SHOWCASE}")
    services = [ServiceName(service) for service in PROJECTS[SHOWN_IN]]
    files = {f"{shown}/{s}.deployment": f"{recorded[source, s][-1]}\n" for s in services}
    files[f"{shown}/images_path"] = f"{REGISTRY}/{SHOWN_IN}/\n"
    copied = commit_of(shown, (), (), Occasion(Verb.ENV, source=source), f"copy of {source}")
    yield _said(EVE, when + timedelta(minutes=5), copied, files)
    why, at = "the fair: nothing moves while customers watch", when + timedelta(minutes=9)
    lock = Lock(f"{shown}/billing.lock", services[0], by=EVE.name, at=at, reason=why)
    locked = commit_of(shown, services[:1], (), Occasion(Verb.LOCK, why), f"lock billing: {why}")
    yield _said(EVE, at, locked, {lock.path: lock.text()})


def _said(
    who: SampleAuthor, when: datetime, proposal: Proposal, files: Mapping[str, str]
) -> StateCommit:
    message = compose_message(proposal.subject, proposal.body, proposal.trailers)
    return StateCommit(who, when, message, files)


def _settings(source_urls: Mapping[str, str]) -> str:
    stages = (*STAGES, SHOWCASE)
    lines = ["stages = [" + ", ".join(f'"{stage}"' for stage in stages) + "]\n"]
    for stage in stages:
        lines.append(f'\n[stage.{stage}]\ncluster = "{CLUSTER}"\n')
    lines.append("protected = true\n")
    for service, url in source_urls.items():
        lines.append(f'\n[service.{service}]\nsource = "{url}"\n')
    return "".join(lines)

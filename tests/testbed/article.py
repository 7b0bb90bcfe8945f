"""The article's company: two projects of four services, three environments each.

Every service has a source repository with a short history; the state repository records real
commits of it and has a history of its own. Nothing depends on the clock or on chance, so the
hashes are the same in every run (of the same project names).
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.testbed.copies import Copies, copies_of
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.kube import Kube, create_many, is_seen
from tests.testbed.manifests import deployment
from tests.testbed.patience import eventually

STAGES = ("development", "staging", "production")
SERVICES: Mapping[str, tuple[str, ...]] = {
    "project1": ("authentication", "billing", "frontend", "orders"),
    "project2": ("catalog", "frontend", "notifications", "search"),
}
"""`frontend` is in both projects, so it needs a project named; the others do not."""
VERSIONS = 4
"""Commits of each source. Development runs the newest, staging the third, production the second."""
REGISTRY = "registry.example.com"

_FIRST = 1_793_606_400  # 2026-11-02 08:00 UTC
_DAY = 86_400
_AUTHORS = ("Ada Example", "Ben Example", "Cleo Example", "Dan Example")
_CHANGES = ("Start the service", "Answer health checks", "Keep sessions", "Limit requests")

SYNC_SCRIPT = """\
#!/usr/bin/env sh
set -e
if [ -z ${NAMESPACE+x} ]; then echo "NAMESPACE env var is empty! Cannot proceed"; exit 1; fi
cd "$(dirname "$0")/../$NAMESPACE"
IMAGES_PATH=$(cat images_path)
for deployment_file in *.deployment; do
    DEPLOYMENT_HASH=$(cat $deployment_file)
    DEPLOYMENT_NAME=$(echo $deployment_file | sed 's/\\.deployment//')
    kubectl -n $NAMESPACE set image deployment/$DEPLOYMENT_NAME \\
        $DEPLOYMENT_NAME=$IMAGES_PATH$DEPLOYMENT_NAME:$DEPLOYMENT_HASH
done
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A service's source repository, bare, and its commits, oldest first."""

    place: Path
    model: Copies
    commits: tuple[str, ...]

    @property
    def remote(self) -> Path:
        """The repository, written out when it is first asked for: most tests never do."""
        if not self.place.exists():
            self.model.write(self.place)
        return self.place


@dataclass(frozen=True, slots=True)
class Article:
    """The company's repositories. Project names begin with `prefix`, as namespaces must be unique
    on an API server that tests share.
    """

    directory: Path
    prefix: str
    sources: Mapping[tuple[str, str], Source]
    """By (project without prefix, service)."""

    @property
    def remote(self) -> Path:
        """The state repository, bare."""
        return self.directory / "environments-state.git"

    def environment(self, stage: str, project: str = "project1") -> str:
        """Return an environment's name: its directory, and its namespace in the cluster."""
        return f"{self.prefix}{project}-{stage}"

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(self.environment(stage, project) for project in SERVICES for stage in STAGES)

    def source(self, service: str, project: str = "project1") -> Source:
        """Return a service's source."""
        return self.sources[project, service]

    def clone(self, name: str = "clone") -> Path:
        """Return a new clone of the state repository."""
        return self._clone(self.remote, _state_repository(), name)

    def checkout(self, service: str, project: str = "project1", *, name: str = "") -> Path:
        """Return a new clone of a service's source, as CI or a developer has it."""
        source = self.source(service, project)
        return self._clone(source.remote, source.model, name or f"{project}-{service}")

    def _clone(self, remote: Path, model: Copies, name: str) -> Path:
        if model.is_kept(remote, but="objects/"):
            clone, place = _clone_of(model)
            clone.replaced(place, os.fsencode(remote)).write(self.directory / name)
        else:
            git(self.directory, "clone", "-q", "--template=", remote, name)
        return self.directory / name

    def recorded(self, environment: str) -> dict[str, str]:
        """Return what the remote's tip records: {service: version}."""
        found = self._contents(f"{environment}/*.deployment")
        return {Path(name).stem: version.strip() for name, version in found.items()}

    def images(self, environment: str) -> dict[str, str]:
        """Return the images that the remote's tip stands for: {service: image}."""
        found = self._contents(f"{environment}/*.deployment", f"{environment}/images_path")
        images_path = found.pop(f"{environment}/images_path").strip()
        return {
            (service := Path(name).stem): f"{images_path}{service}:{version.strip()}"
            for name, version in found.items()
        }

    def _contents(self, *patterns: str) -> dict[str, str]:
        """Return files of the remote's tip, in one process: a thousand tests ask."""
        every_line = ("grep", "-az", "--no-color", "-e", "", "main", "--")
        listed = git(self.remote, *every_line, *patterns, nothing=1)
        found: dict[str, str] = {}
        for line in listed.splitlines():
            name, _, text = line.removeprefix("main:").partition("\0")
            found[name] = f"{found.get(name, '')}{text}\n"
        return found

    def push(self, environment: str, versions: Mapping[str, str], *, subject: str = "") -> str:
        """Record versions straight in the remote, as somebody else would, a minute after its tip;
        return the commit.
        """
        files = {f"{environment}/{name}.deployment": f"{v}\n" for name, v in versions.items()}
        subject = subject or f"Update {environment}"
        [commit] = add_commits(self.remote, [Commit(subject, files, time=None)])
        return commit


def build(directory: Path, *, prefix: str = "") -> Article:
    """Make the repositories below a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    sources = {
        (project, name): replace(source, place=directory / "sources" / project / f"{name}.git")
        for (project, name), source in _sources().items()
    }
    article = Article(directory, prefix, sources)
    if prefix:
        add_commits(init_bare(article.remote), _state(article))
    else:
        _state_repository().write(article.remote)
    return article


@functools.cache
def _state_repository() -> Copies:
    with tempfile.TemporaryDirectory() as directory:
        article = Article(Path(directory), "", _sources())
        add_commits(init_bare(article.remote), _state(article))
        return copies_of(article.remote)


_clones: dict[int, tuple[Copies, bytes]] = {}


def _clone_of(model: Copies) -> tuple[Copies, bytes]:
    """Return a clone of a repository, and the place of that one, which is named in it."""
    if id(model) not in _clones:
        with tempfile.TemporaryDirectory() as directory:
            remote = Path(directory, "remote.git")
            model.write(remote)
            git(Path(directory), "clone", "-q", "--template=", remote, "clone")
            _clones[id(model)] = copies_of(Path(directory, "clone")), os.fsencode(remote)
    return _clones[id(model)]


@functools.cache
def _sources() -> Mapping[tuple[str, str], Source]:
    """Return the sources by (project, service), in no place yet."""
    with tempfile.TemporaryDirectory() as directory:
        return {
            (project, service): _source(Path(directory, project, service), project, service)
            for project, services in SERVICES.items()
            for service in services
        }


def _source(place: Path, project: str, service: str) -> Source:
    remote = init_bare(place)
    made = [
        Commit(
            f"{_CHANGES[index]} ({service})",
            {"main.py": f"# {service} of {project}\nVERSION = {index}\n", "Dockerfile": "FROM x\n"},
            _FIRST + index * _DAY,
            _AUTHORS[index],
        )
        for index in range(VERSIONS)
    ]
    commits = tuple(add_commits(remote, made))
    return Source(place, copies_of(remote), commits)


def _state(article: Article) -> Iterator[Commit]:
    """The first commit has every environment at the oldest version; then come CI and promotions."""
    first: dict[str, str | None] = {"sync-agent/sync.sh": SYNC_SCRIPT}
    for project in SERVICES:
        for stage in STAGES:
            environment = article.environment(stage, project)
            first[f"{environment}/images_path"] = f"{REGISTRY}/{project}/\n"
            first |= _versions(article, environment, project, SERVICES[project], 0)
    time = _FIRST + 3600
    yield Commit(
        "Start with the oldest versions", first, time, modes={"sync-agent/sync.sh": "100755"}
    )
    for step in range(1, VERSIONS):
        time = _FIRST + step * _DAY  # the day its sources were changed
        for depth, stage in enumerate(STAGES):
            if step + depth < VERSIONS:
                for project in SERVICES:
                    time += 3600
                    yield from _updates(article, stage, project, step, time)


def _updates(article: Article, stage: str, project: str, step: int, time: int) -> Iterator[Commit]:
    """One commit per service in development, as CI makes them; one per promotion further on."""
    environment = article.environment(stage, project)
    services = SERVICES[project]
    groups = [[service] for service in services] if stage == "development" else [list(services)]
    for offset, group in enumerate(groups):
        files = _versions(article, environment, project, group, step)
        subject = f"{environment}: {', '.join(group)} to version {step}"
        yield Commit(subject, files, time + offset * 60, _AUTHORS[step])


def _versions(
    article: Article, environment: str, project: str, services: Iterable[str], step: int
) -> dict[str, str | None]:
    commits = {service: article.sources[project, service].commits[step] for service in services}
    return {f"{environment}/{name}.deployment": f"{commit}\n" for name, commit in commits.items()}


def deploy(
    kube: Kube,
    article: Article,
    environments: Iterable[str] = (),
    *,
    replicas: int = 1,
    without_pods: Collection[str] = (),
    **spec: Any,
) -> None:
    """Create namespaces with the Deployments of environments (default: all), in sync with the
    remote's tip, and wait until the controller has seen them: those without replicas are rolled
    out then. `spec` as in `manifests.workload`. What rolls out costs the API server most.
    """
    environments = [*environments] or article.environments
    create_many(
        kube,
        {
            environment: [
                deployment(
                    service, image, replicas=0 if service in without_pods else replicas, **spec
                )
                for service, image in article.images(environment).items()
            ]
            for environment in environments
        },
    )
    for environment in environments:
        eventually(lambda name=environment: all(map(is_seen, kube.find("Deployment", name))))

"""Services that an environment does not have yet: recorded on purpose, or a slip of the hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gitops_cli.domain.errors import UnknownService, UsageError
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.near import MISSPELT, asked, did_you_mean, near
from gitops_cli.domain.recorded.environment import Environment, Snapshot, service_at
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import NewServices
from gitops_cli.domain.text import one_line


class NewService(UsageError):
    """A service would be made by the way; a terminal may say yes, a script must say `--new`."""

    code = "new-service"

    def __init__(
        self, message: str, *, hint: str, service: ServiceName, environment: EnvironmentName
    ) -> None:
        super().__init__(message, hint=hint)
        self.service = service
        self.environment = environment


class Misspelt(UsageError):
    """A service would be made whose name is nearly that of another; only `--new` says yes."""

    code = "new-service"


def check_spelling(services: Iterable[ServiceName], snapshot: Snapshot) -> None:
    """Raise Misspelt for the first that nothing has and whose name is like one that is there.

    Before anything else is asked: whatever the environment, it is a slip, or another spelling of
    a declared source.
    """
    homes = services_by_project(snapshot)
    for service in sorted(services):
        if service in snapshot.team.services or any(service in has for has in homes.values()):
            continue
        if meant := list(dict.fromkeys(_alike(service, snapshot, homes))):
            raise Misspelt(
                f"no environment has a service `{service}` yet",
                hint=f"{asked(meant)} If not, --new records it as a new one",
            )


def need_known(services: Iterable[ServiceName], snapshot: Snapshot, *, flag: str = "-e") -> None:
    """Raise UnknownService for the first that no environment has, nor a lock of it.

    Nobody need be asked where something is that is nowhere. `flag` is what names an environment.
    """
    known = {s for has in services_by_project(snapshot).values() for s in has}
    known.update(s for e in snapshot.environments.values() for s in e.locks if s is not None)
    for service in services:
        if service not in known:
            from gitops_cli.domain.recorded.selection import advice  # `set` does without it

            raise UnknownService(
                f"no environment has a service `{one_line(service)}`",
                hint=advice(service, snapshot, flag=flag)
                or did_you_mean(service, known)
                or "`gitops status` shows the services",
            )


def check_newcomers(
    services: Iterable[ServiceName], environment: EnvironmentName, snapshot: Snapshot
) -> None:
    """Raise NewService for the first of the services that its project does not know.

    What gitops.toml declares as a service and no environment has yet is new on purpose.
    `[versions] new_services = "allow"` lets pass what no project has; see also `check_spelling`.
    """
    project = place_of(environment, snapshot.team).project
    homes = services_by_project(snapshot)
    for service in sorted(services):
        if service in homes.get(project, ()):
            continue
        elsewhere = sorted(name or "no project" for name, has in homes.items() if service in has)
        if elsewhere:
            raise NewService(
                f"{service} is new in {environment}: it lives in {', '.join(elsewhere)}",
                hint=f"name an environment of {elsewhere[0]}, or --new if it is to live there too",
                service=service,
                environment=environment,
            )
        if service in snapshot.team.services:
            continue  # gitops.toml names it exactly, in a line that was reviewed
        if snapshot.team.new_services is not NewServices.ALLOW:
            raise NewService(
                f"no environment has a service `{service}` yet",
                hint=f"--new records it in {environment} as a new one; [versions] new_services = "
                '"allow" in gitops.toml lets CI do so',
                service=service,
                environment=environment,
            )


def services_by_project(snapshot: Snapshot) -> dict[str, set[ServiceName]]:
    """Return which services each project knows, in whatever stage, unreadable files included."""
    homes: dict[str, set[ServiceName]] = {}
    for name, environment in snapshot.environments.items():
        homes.setdefault(place_of(name, snapshot.team).project, set()).update(_known(environment))
    return homes


def _known(environment: Environment) -> Iterator[ServiceName]:
    yield from environment.files
    for finding in environment.findings:
        if (service := service_at(finding.path)) is not None:
            yield service


def _alike(
    service: ServiceName, snapshot: Snapshot, homes: dict[str, set[ServiceName]]
) -> Iterator[str]:
    """Yield the services that may be meant: by their name, or because their source is called so.

    A service whose own source is declared may be called as the repository that it shares.
    """
    from gitops_cli.domain.git_url import repository_name  # where a service is new

    is_declared = snapshot.team.service(service).source is not None
    for name, rules in snapshot.team.services.items():
        source = None if is_declared else rules.source
        if source is not None and repository_name(source).lower() == service:
            yield name
    yield from near(service, {s for has in homes.values() for s in has}, cutoff=MISSPELT)

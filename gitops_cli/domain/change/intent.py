"""What a writer wants, file by file, and what is left of it on another tip (spec, section 3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase

from gitops_cli.domain.change.plan import Change, Plan, plan_changes
from gitops_cli.domain.errors import UnknownService
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.recorded.environment import KIND_OF_SUFFIX, Environment, Kind, invalid
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.text import one_line
from gitops_cli.domain.values import NamedTuple
from gitops_cli.domain.version import Version


class Intent(NamedTuple):
    """A plan as it was shown, and the kind of workload of each service it may add."""

    plan: Plan
    kinds: Mapping[ServiceName, Kind]


class Reconsidered(NamedTuple):
    """An intent held against a tip: what to write, what is written already, what moved.

    `write` has the tip's version as `current`; `moved` are those whose version is neither the one
    that was seen nor the one that is wanted.
    """

    write: tuple[Change, ...]
    done: tuple[Change, ...]
    moved: tuple[Change, ...]


def settle(plan: Plan, environment: Environment) -> Reconsidered:
    """Sort the plan's changes by what the environment holds now."""
    write: list[Change] = []
    done: list[Change] = []
    moved: list[Change] = []
    now = environment.versions
    for change in plan.changes:
        found = now.get(change.service)
        on_tip = Change(change.service, found, change.desired)
        if found == change.desired and not spoiled(environment, change.service):
            done.append(change)
        elif found == change.current:
            write.append(on_tip)
        else:
            moved.append(on_tip)
    return Reconsidered(tuple(write), tuple(done), tuple(moved))


def spoiled(environment: Environment, service: ServiceName) -> str | None:
    """Return the path of the service's version file if it is there but cannot be read."""
    if service in environment.files:
        return None
    paths = {f"{environment.name}/{service}{suffix}" for suffix in KIND_OF_SUFFIX}
    errors = (f for f in environment.findings if f.severity is Severity.ERROR)
    return next((f.path for f in errors if f.path in paths), None)


def version_path(environment: Environment, service: ServiceName, kind: Kind) -> str:
    """Return where the service's version is or will be written; raises InvalidState.

    A file that cannot be read is written anew, unless it is no file at all.
    """
    if service in environment.files:
        return environment.files[service].path
    path = spoiled(environment, service)
    for finding in environment.findings:
        if finding.path == path and finding.rule == "not-a-file":
            raise invalid([finding])
    return path or f"{environment.name}/{service}{kind.suffix}"


def recording(
    environment: Environment,
    wanted: Mapping[ServiceName, Version],
    kinds: Mapping[ServiceName, Kind],
) -> Intent:
    """Return the intent to record `wanted`; other services stay."""
    current = {s: v for s, v in environment.versions.items() if s in wanted}
    plan = plan_changes(environment.name, desired=wanted, current=current)
    return Intent(plan, kinds)


def promotion(
    source: Environment, target: Environment, services: Collection[ServiceName]
) -> Intent:
    """Return the intent to copy the services' versions; a missing one takes the source's kind.

    Raises UnknownService or InvalidState where the source has none to give.
    """
    files = {service: source.file(service) for service in services}
    for service in files:
        version_path(target, service, files[service].kind)
    return recording(
        target,
        {service: file.version for service, file in files.items()},
        {service: file.kind for service, file in files.items()},
    )


def selected(
    environment: Environment,
    *,
    named: Collection[ServiceName] = (),
    only: Collection[str] = (),
    exclude: Collection[str] = (),
) -> list[ServiceName]:
    """Return the named services (all of them without names) that the globs let through.

    Raises UnknownService for a name the environment has not, and where nothing is left.
    """
    for service in named:
        environment.file(service)
    candidates = sorted(named or environment.files)
    left = [service for service in candidates if _is_let_through(service, only, exclude)]
    if left or not candidates:
        return left
    raise UnknownService(
        f"no service of {environment.name} is left after --only and --exclude",
        hint=f"services there: {', '.join(candidates)}",
    )


def selected_to_copy(
    environment: Environment,
    *,
    named: Collection[ServiceName] = (),
    only: Collection[str] = (),
    exclude: Collection[str] = (),
) -> list[ServiceName]:
    """Return what `selected` does; raises InvalidState where a file that is meant is in error.

    What cannot be read would be missing from the copy, and nobody would notice.
    """
    errors: list[Finding] = []
    for finding in unreadable(environment):
        service = _stem(finding.path)
        if (not named or service in named) and _is_let_through(service, only, exclude):
            errors.append(finding)
    if errors:
        error = invalid(errors)
        if not named:
            name = one_line(_stem(errors[0].path))
            error.hint = f"mend the file, or leave it out: --exclude '{name}'"
        raise error
    return selected(environment, named=named, only=only, exclude=exclude)


def unreadable(environment: Environment) -> list[Finding]:
    """Return the errors of the environment's version files."""
    errors = (f for f in environment.findings if f.severity is Severity.ERROR)
    suffixes = tuple(KIND_OF_SUFFIX)
    return [finding for finding in errors if finding.path.endswith(suffixes)]


def _stem(path: str) -> str:
    """Return what would be the service of a version file, be it a name or not."""
    return path.rpartition("/")[2].rpartition(".")[0]


def _is_let_through(service: str, only: Collection[str], exclude: Collection[str]) -> bool:
    return (not only or _matches(service, only)) and not _matches(service, exclude)


def _matches(service: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(service, glob) for glob in globs)

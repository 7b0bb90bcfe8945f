"""The kubectl commands that show more about a row, to be typed as they are."""

from __future__ import annotations

import shlex

from gitops_cli.domain.cluster.inside import LogPart, Spot
from gitops_cli.domain.cluster.troubles import Trouble
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.domain.recorded.stages import place_of
from gitops_cli.domain.recorded.team import TeamSettings
from gitops_cli.domain.values import NamedTuple


def commands(
    environment: EnvironmentName,
    kind: Kind,
    service: str,
    trouble: Trouble | None,
    context: str | None,
) -> tuple[str, ...]:
    """Return commands that show why it fails: logs and a shell where a container runs or ran.

    The last one mends it where a pod only has to be deleted.
    """
    where = ["-n", environment] + (["--context", context] if context else [])
    if trouble is None or trouble.pod is None:
        return (_typed("describe", f"{kind.value.lower()}/{service}", *where),)
    mend = (_typed("delete", "pod", trouble.pod, *where),) if trouble.blocks else ()
    if trouble.container is None or trouble.exit_code is None:
        return (_typed("describe", "pod", trouble.pod, *where), *mend)
    container = ["-c", trouble.container]
    previous = ["--previous"] if trouble.restarts else []
    logs = _typed("logs", trouble.pod, *container, *previous, *where)
    shell = _typed(
        "debug",
        "-it",
        trouble.pod,
        *where,
        f"--copy-to={trouble.pod}-debug",
        *container,
        "--",
        "sh",
    )
    return (logs, shell, *mend)


def at_home(environment: EnvironmentName, team: TeamSettings, *words: str) -> str:
    """Return a kubectl line for the cluster that gitops.toml says the environment is in.

    Pasted elsewhere it would hit what is called alike there. Where nothing is said, the current
    context is meant as by all commands.
    """
    context = team.stage(place_of(environment, team).stage).cluster
    return _typed(*words, *(["--context", context] if context else []))


class Where(NamedTuple):
    """A namespace as kubectl is told of it."""

    namespace: EnvironmentName
    context: str | None = None
    kubeconfig: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Return the options that lead there."""
        context = ("--context", self.context) if self.context else ()
        file = ("--kubeconfig", self.kubeconfig) if self.kubeconfig else ()
        return ("-n", self.namespace, *context, *file)


def logs(where: Where, spot: Spot, part: LogPart) -> str:
    """Return the command that prints a container's log."""
    more = [
        *(["--previous"] if spot.previous else []),
        *(["--follow"] if part.follow else []),
        *([f"--tail={part.tail}"] if part.tail is not None else []),
        *([f"--since-time={part.since.isoformat(timespec='seconds')}"] if part.since else []),
        *(["--timestamps"] if part.timestamps else []),
    ]
    return _typed("logs", spot.pod, "-c", spot.container, *more, *where.words)


def execution(
    where: Where, spot: Spot, command: tuple[str, ...], *, stdin: bool, tty: bool
) -> tuple[str, ...]:
    """Return what follows `kubectl` to run a command in a container."""
    kept = [*(["--stdin"] if stdin else []), *(["--tty"] if tty else [])]
    return ("exec", spot.pod, "-c", spot.container, *kept, *where.words, "--", *command)


def debugger(where: Where, spot: Spot) -> str:
    """Return the command that puts a shell beside a container whose image has none."""
    words = ("debug", "-it", spot.pod, "--image=busybox", f"--target={spot.container}")
    return _typed(*words, *where.words, "--", "sh")


def typed(words: tuple[str, ...]) -> str:
    """Return what is given to kubectl as a line that can be pasted."""
    return _typed(*words)


def make_namespace(environment: EnvironmentName, context: str | None) -> str:
    """Return the command that makes the environment's namespace."""
    where = ["--context", context] if context else []
    return _typed("create", "namespace", environment, *where)


def make_anew(resource: str, namespace: str | None, context: str | None) -> str:
    """Return the command that deletes an object, so that the next sync makes it anew."""
    where = ["-n", namespace] if namespace else []
    return _typed("delete", resource, *where, *(["--context", context] if context else []))


def _typed(*words: str) -> str:
    return shlex.join(["kubectl", *words])

"""The kubectl commands that show more about a row, to be typed as they are."""

from __future__ import annotations

import shlex

from gitops_cli.domain.cluster.rollout import Trouble
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.environment import Kind


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

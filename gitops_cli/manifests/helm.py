"""Helm charts, rendered without a release and without a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.manifests.programs import exported, find, run

CHART = "Chart.yaml"


def is_chart(directory: str, files: Mapping[str, bytes]) -> bool:
    return f"{directory}/{CHART}" in files


def templated(
    directory: str,
    files: Mapping[str, bytes],
    values: Sequence[str],
    *,
    release: str,
    namespace: str,
    network: bool,
) -> bytes:
    """Return what `helm template` makes of a chart; `values` are paths among the files.

    Without hooks and tests, which are no objects that stay. Raises ConfigurationError, TimedOut.
    """
    program = find("helm")
    if program is None:
        raise ConfigurationError(
            f"{directory}: a chart needs helm, and it is not on PATH",
            hint="install helm, or keep what `helm template` prints",
        )
    chosen = [word for path in values for word in ("--values", path)]
    flags = ["--namespace", namespace, "--include-crds", "--no-hooks", "--skip-tests", *chosen]
    with exported(files) as place:
        try:
            if network:
                fetch = [program, "dependency", "build", "--", directory]
                run(fetch, place, directory=directory, network=True)
            command = [program, "template", *flags, "--", release, directory]
            return run(command, place, directory=directory, network=False)
        except ConfigurationError as error:
            error.hint = _hint(error.message)
            raise


def _hint(message: str) -> str | None:
    if "missing in charts/" not in message:
        return None
    return (
        "keep the charts it depends on in charts/ (`helm dependency build`); or let the stage "
        "fetch them: [stage.X] manifests_network = true"
    )

"""Helm charts, rendered without a release and without a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.manifests.generated import is_marked
from gitops_cli.manifests.programs import exported, find, run

CHART = "Chart.yaml"
_VALUES = "/values.yaml"


class SeenCluster(NamedTuple):
    """What a chart sees of a cluster; nobody asks one. `release` is `1.33`, or `1.33.2`."""

    release: str
    apis: Sequence[str] = ()

    def flags(self) -> list[str]:
        """Return the flags that tell helm: it would else go by how it was built."""
        release = self.release.removeprefix("v")
        whole = release if release.count(".") > 1 else f"{release}.0"
        return ["--kube-version", whole, *(f"--api-versions={api}" for api in self.apis)]


def is_chart(directory: str, files: Mapping[str, bytes]) -> bool:
    return f"{directory}/{CHART}" in files


def templated(
    directory: str,
    files: Mapping[str, bytes],
    values: Sequence[str],
    *,
    release: str,
    namespace: str,
    cluster: SeenCluster,
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
    _check_values(directory, files, values)
    chosen = [word for path in values for word in ("--values", path)]
    flags = ["--namespace", namespace, "--include-crds", "--no-hooks", "--skip-tests"]
    flags += [*cluster.flags(), *chosen]
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


def _check_values(directory: str, files: Mapping[str, bytes], values: Sequence[str]) -> None:
    """Refuse values that SOPS encrypted, of which helm would take the encrypted text.

    Raises ConfigurationError.
    """
    own = (path for path in files if path.startswith(f"{directory}/") and path.endswith(_VALUES))
    for path in sorted({*values, *own}):
        if is_marked(files[path]):
            raise ConfigurationError(
                f"{path}:1: SOPS encrypted these values, and helm would take the encrypted text: "
                "nothing decrypted is ever written into a file",
                hint="keep the Secret itself encrypted among the templates, or a SealedSecret or "
                "an ExternalSecret",
            )


def _hint(message: str) -> str | None:
    if "incompatible with Kubernetes" in message:
        return 'the stage says which release its cluster has: [stage.X] kubernetes = "1.33"'
    if "missing in charts/" not in message:
        return None
    return (
        "keep the charts it depends on in charts/ (`helm dependency build`); or let the stage "
        "fetch them: [stage.X] manifests_network = true"
    )

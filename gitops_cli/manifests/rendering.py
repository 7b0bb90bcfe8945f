"""A directory of manifests, whatever it is, as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gitops_cli.domain.manifests.objects import Sourced, parse_objects
from gitops_cli.domain.manifests.rendered import Form, Rendered
from gitops_cli.domain.manifests.sealing import MARK
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.recorded.manifests_place import VALUES
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.recorded.team import StageRules
from gitops_cli.manifests.files import Decrypt, read_files, read_stream
from gitops_cli.manifests.helm import CHART, SeenCluster, is_chart, templated
from gitops_cli.manifests.kustomize import NAMES, kustomization_in, kustomized
from gitops_cli.manifests.shipped import shipped_schema

ReadFiles = Callable[[str], Mapping[str, bytes]]
"""Returns the files below a directory of the repository: path from its root → content."""


class ToRender(NamedTuple):
    """Whose objects, and where they stand; `network`: rendering may fetch what is not here.

    `kubernetes` and `apis` are the release and the APIs that charts see.
    """

    place: Place
    directory: str
    network: bool = False
    kubernetes: str | None = None
    apis: tuple[str, ...] = ()

    @classmethod
    def of_stage(cls, place: Place, directory: str, rules: StageRules) -> ToRender:
        """Return it as the rules of the environment's stage say."""
        network = rules.manifests_network
        return cls(place, directory, network, rules.kubernetes, rules.kubernetes_apis)

    @property
    def environment(self) -> EnvironmentName:
        return self.place.environment


def render(wanted: ToRender, read: ReadFiles, *, decrypt: Decrypt | None = None) -> Rendered:
    """Return an environment's objects. What cannot be read is a finding, and does not hide others.

    What SOPS encrypted is decrypted only where it does not even tell what it is; `opened` of
    `sealed.py` does it for what is to be applied. Without `decrypt` that much is left out.

    A directory with a Chart.yaml is a chart, one with a kustomization is that; else its files of
    YAML and JSON are read. Raises InvalidState for a directory that is too large or leads out of
    the repository, ConfigurationError and TimedOut for what a program cannot render.
    """
    directory = wanted.directory
    files = read(directory)
    path = kustomization_in(directory, files)
    if is_chart(directory, files):
        form, path = Form.HELM, f"{directory}/{CHART}"
        made = _templated(wanted, files, read)
        documents, findings = read_stream(path, made, decrypt, files=files)
    elif path is not None:
        form = Form.KUSTOMIZE
        rendered = kustomized(directory, read, network=wanted.network)
        documents, findings = read_stream(
            path, rendered.data, decrypt, rendered.sources, rendered.files
        )
    else:
        form = Form.PLAIN
        nested = [p for p in files if p.rpartition("/")[2] in (*NAMES, CHART)]
        read_ones = {p: data for p, data in files.items() if p not in nested}
        documents, findings = read_files(read_ones, decrypt)
        findings += [_nested(path, directory) for path in nested]
    hidden = decrypt is None and any(MARK.encode() in data for data in files.values())
    return _parsed(wanted, form, documents, findings, hidden=hidden)


def _nested(path: str, directory: str) -> Finding:
    what = "chart" if path.endswith(CHART) else "kustomization"
    message = f"a {what} below {directory} is rendered by nobody"
    hint = f"refer to it from a kustomization.yaml in {directory} itself"
    if what == "chart":
        hint = f"move it to {directory} itself, or keep what `helm template` prints"
    return Finding(path, 1, "nested", message, hint)


def _parsed(
    wanted: ToRender, form: Form, documents: list[Sourced], findings: list[Finding], *, hidden: bool
) -> Rendered:
    if not (documents or findings or hidden):
        message = "holds no manifests"
        findings.append(
            Finding(wanted.directory, 1, "no-manifests", message, "remove it, or fill it")
        )
    parsed = parse_objects(documents, wanted.environment)
    found = (*findings, *parsed.findings)
    return Rendered(
        wanted.environment, wanted.directory, form, parsed.objects, found, hidden=hidden
    )


def _templated(wanted: ToRender, files: Mapping[str, bytes], read: ReadFiles) -> bytes:
    """Return a chart with its values: the chart's own, those of the stage, the environment's."""
    name, project, stage = wanted.place
    of_stage = f"{wanted.directory}/values-{stage}.yaml"
    of_environment = f"{name}/{VALUES}"
    all_files = {**files, **{p: data for p, data in read(name).items() if p == of_environment}}
    return templated(
        wanted.directory,
        all_files,
        [path for path in (of_stage, of_environment) if path in all_files],
        release=project or name,
        namespace=name,
        cluster=SeenCluster(wanted.kubernetes or shipped_schema().kubernetes, wanted.apis),
        network=wanted.network,
    )

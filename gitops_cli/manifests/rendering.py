"""A directory of manifests, whatever it is, as objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gitops_cli.domain.manifests.objects import parse_objects
from gitops_cli.domain.manifests.rendered import Form, Rendered
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.manifests.files import Decrypt, read_files

ReadFiles = Callable[[str], Mapping[str, bytes]]
"""Returns the files below a directory of the repository: path from its root → content."""


def render(
    environment: EnvironmentName,
    directory: str,
    read: ReadFiles,
    *,
    decrypt: Decrypt | None = None,
) -> Rendered:
    """Return an environment's objects. What cannot be read is a finding, and does not hide others.

    Raises InvalidState for a directory that is too large or leads out of the repository.
    """
    files = read(directory)
    documents, findings = read_files(files, decrypt)
    if not documents and not findings:
        message = "holds no manifests"
        findings.append(Finding(directory, 1, "no-manifests", message, "remove it, or fill it"))
    parsed = parse_objects(documents, environment)
    found = (*findings, *parsed.findings)
    return Rendered(environment, directory, Form.PLAIN, parsed.objects, found)

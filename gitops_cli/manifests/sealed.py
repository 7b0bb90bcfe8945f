"""Objects that SOPS encrypted, decrypted in memory when they are to be compared or applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gitops_cli.domain.errors import GitOpsError, InvalidState
from gitops_cli.domain.manifests.objects import Manifest, Sourced, parse_objects
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.manifests.files import Decrypt, opened
from gitops_cli.manifests.sops import decrypt
from gitops_cli.web.parallel import attempt_all

_AT_ONCE = 4


def open_all(
    manifests: Sequence[Manifest], decrypt: Decrypt = decrypt
) -> list[Manifest | GitOpsError]:
    """Return objects with their values, or why that cannot be; each file is decrypted once.

    Those that are not encrypted stay as they are.
    """
    closed = [one.sealed.file for one in manifests if one.closed and one.sealed is not None]
    files = {id(file): file for file in closed}
    answers = attempt_all(
        lambda file: opened(file, decrypt), list(files.values()), at_once=_AT_ONCE
    )
    found = dict(zip(files, answers, strict=True))
    return [_opened(one, found) for one in manifests]


def _opened(one: Manifest, found: Mapping[int, list[Any] | GitOpsError]) -> Manifest | GitOpsError:
    if not one.closed or one.sealed is None:
        return one
    values = found[id(one.sealed.file)]
    if isinstance(values, GitOpsError):
        return values
    changed = InvalidState(f"{one.where}: is another object once it is decrypted")
    if one.sealed.place >= len(values):
        return changed
    document = Sourced(one.path, one.line, values[one.sealed.place], one.sealed)
    parsed = parse_objects([document], EnvironmentName(one.id.namespace or ""))
    if parsed.findings:
        finding = parsed.findings[0]
        return InvalidState(f"{finding.where}: {finding.message}", hint=finding.hint)
    return parsed.objects[0] if [o.id for o in parsed.objects] == [one.id] else changed

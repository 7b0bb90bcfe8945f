"""Files of YAML and JSON as documents, each with its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gitops_cli.domain.manifests.objects import Sourced
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.text import one_line
from gitops_cli.plain_yaml import Document, NotPlain, documents

SUFFIXES = (".yaml", ".yml", ".json")

Decrypt = Callable[[str, bytes], bytes]
"""Returns an encrypted file's content, by its path. Raises GitOpsError."""


def read_files(
    files: Mapping[str, bytes], decrypt: Decrypt | None = None
) -> tuple[list[Sourced], list[Finding]]:
    """Return the documents of all files of manifests, in the order of their paths.

    Files of other types, and those whose name or directory begins with a dot, are not read.
    """
    found: list[Sourced] = []
    findings: list[Finding] = []
    for path in sorted(files):
        if path.endswith(SUFFIXES) and not any(part.startswith(".") for part in path.split("/")):
            found += _read(path, files[path], findings, decrypt)
    return found, findings


def read_stream(path: str, data: bytes) -> tuple[list[Sourced], list[Finding]]:
    """Return the documents that a program rendered; `path` is where it began."""
    findings: list[Finding] = []
    return [one._replace(line=1) for one in _read(path, data, findings, None)], findings


def _read(
    path: str, data: bytes, findings: list[Finding], decrypt: Decrypt | None
) -> Iterator[Sourced]:
    try:
        found = _documents(path, data)
        if any(map(_is_encrypted, found)):
            if decrypt is None:
                raise NotPlain("is encrypted with SOPS, and is not decrypted here")
            found = _documents(path, decrypt(path, data))
    except NotPlain as error:
        findings.append(Finding(path, error.line or 1, "yaml", str(error)))
        return
    for document in found:
        for line, word in document.surprises:
            message = f"`{word}` is a boolean to kubectl"
            hint = f'write "{word}" for the text, else true or false'
            findings.append(Finding(path, line, "yaml-boolean", message, hint, Severity.WARNING))
        yield Sourced(path, document.line, document.value)


def _is_encrypted(document: Document) -> bool:
    """Tell whether SOPS wrote it (https://getsops.io/docs/#encryption-protocol)."""
    value = document.value
    note = value.get("sops") if isinstance(value, dict) else None
    return isinstance(note, dict) and "mac" in note


def _documents(path: str, data: bytes) -> list[Document]:
    if not path.endswith(".json"):
        return documents(data)
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_refused)
        return [Document(value, 1)]
    except json.JSONDecodeError as error:
        raise NotPlain(f"not JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise NotPlain("nested too deeply") from error
    except UnicodeDecodeError as error:
        raise NotPlain("not JSON: it is no UTF-8 text") from error
    except ValueError as error:
        if isinstance(error, NotPlain):
            raise
        raise NotPlain("not JSON: a number is too long") from error


def _refused(name: str) -> None:
    raise NotPlain(f"not JSON: {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotPlain(f"`{one_line(twice)}` stands twice in one object")
    return made

"""Files of YAML and JSON as documents, each with its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gitops_cli.domain.errors import GitOpsError, InvalidState
from gitops_cli.domain.manifests.objects import Sourced
from gitops_cli.domain.manifests.sealing import (
    SealedFile,
    holds_sealed,
    is_encrypted,
    keys_of,
    sealed,
    tells_what_it_is,
    without_note,
)
from gitops_cli.domain.recorded.findings import Finding, Severity
from gitops_cli.domain.text import one_line
from gitops_cli.manifests.ciphertext import ciphers_of, holds_ciphertext, left_out, may_hold
from gitops_cli.manifests.generated import Sources, generated, put_in
from gitops_cli.plain_yaml import MOST_DEPTH, NotPlain, YamlDocument, documents

SUFFIXES = (".yaml", ".yml", ".json")

Decrypt = Callable[[SealedFile], bytes]
"""Returns the content of a file that SOPS encrypted. Raises GitOpsError."""


def read_files(
    files: Mapping[str, bytes], decrypt: Decrypt | None = None
) -> tuple[list[Sourced], list[Finding]]:
    """Return the documents of all files of manifests, in the order of their paths.

    Files of other types, and those whose name or directory begins with a dot, are not read. What
    is encrypted stays so, unless it does not even tell what it is; then without `decrypt` it is
    left out.
    """
    found: list[Sourced] = []
    findings: list[Finding] = []
    for path in sorted(files):
        if path.endswith(SUFFIXES) and not any(part.startswith(".") for part in path.split("/")):
            read = list(_read(path, files[path], findings, decrypt))
            found += left_out(read, (), findings) if may_hold(files[path]) else read
    return found, findings


def read_stream(
    path: str,
    data: bytes,
    decrypt: Decrypt | None = None,
    sources: Sources = MappingProxyType({}),
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[list[Sourced], list[Finding]]:
    """Return the documents that a program rendered; `path` is where it began.

    It may have changed what is not encrypted of an encrypted one: each is a file of its own then.
    `sources` are encrypted files that it may have made values of, and `files` all that it had.
    """
    findings: list[Finding] = []
    found: list[Sourced] = []
    for one in _read(path, data, findings, None, whole=False):
        if not is_encrypted(one.value):
            made = generated(path, one.value, sources) if sources else None
            found.append(made or one._replace(line=1))
            continue
        text = json.dumps(one.value).encode()
        file = SealedFile(path, text, True, False, keys_of(one.value))
        found += _told(path, _unsealed(file, [YamlDocument(one.value, 1)], decrypt), findings)
    ciphers = ciphers_of(files)
    if ciphers or may_hold(data):
        found = left_out(found, ciphers, findings)
    return found, findings


def _read(
    path: str,
    data: bytes,
    findings: list[Finding],
    decrypt: Decrypt | None,
    *,
    whole: bool = True,
) -> Iterator[Sourced]:
    try:
        found = _documents(path, data)
    except NotPlain as error:
        findings.append(Finding(path, error.line or 1, "yaml", str(error)))
        return
    for document in found:
        for line, word in document.surprises:
            message = f"`{word}` is a boolean to kubectl"
            hint = f'write "{word}" for the text, else true or false'
            findings.append(Finding(path, line, "yaml-boolean", message, hint, Severity.WARNING))
    encrypted = [document.value for document in found if is_encrypted(document.value)]
    if whole and encrypted:
        file = SealedFile(path, data, path.endswith(".json"), True, keys_of(encrypted[0]))
        yield from _told(path, _unsealed(file, found, decrypt), findings)
        return
    yield from (Sourced(path, document.line, document.value) for document in found)


def _told(path: str, documents: Iterator[Sourced], findings: list[Finding]) -> Iterator[Sourced]:
    """Yield the documents of an encrypted file; why it cannot be decrypted is a finding."""
    try:
        yield from documents
    except GitOpsError as error:
        findings.append(
            Finding(path, 1, "sops", error.message.removeprefix(f"{path}: "), error.hint)
        )


def _unsealed(
    file: SealedFile, found: Sequence[YamlDocument], decrypt: Decrypt | None
) -> Iterator[Sourced]:
    """Yield an encrypted file's documents: as they stand there, if all tell what they are."""
    closed = all(tells_what_it_is(one.value) for one in found if _is_sealed(one))
    if not closed and decrypt is None:
        return
    values = [one.value for one in found] if closed or decrypt is None else opened(file, decrypt)
    if len(values) != len(found):
        raise InvalidState(f"{file.path}: has other documents once it is decrypted")
    for index, (one, value) in enumerate(zip(found, values, strict=True)):
        bare = without_note(value) if is_encrypted(value) else value
        if _is_sealed(one):
            yield Sourced(file.path, one.line, bare, sealed(one.value, file, index), closed)
        else:
            yield Sourced(file.path, one.line, bare)


def _is_sealed(document: YamlDocument) -> bool:
    return is_encrypted(document.value) and holds_sealed(without_note(document.value))


def opened(file: SealedFile, decrypt: Decrypt) -> list[Any]:
    """Return the documents of an encrypted file, decrypted. Raises GitOpsError."""
    if file.parts:
        parts = {part.path: part for _, part in file.parts}
        return [put_in(file, {path: decrypt(part) for path, part in parts.items()})]
    data = decrypt(file)
    try:
        values = [one.value for one in _documents(".json" if file.is_json else ".yaml", data)]
    except NotPlain as error:
        # What it found there is not told: it may be a secret.
        raise InvalidState(f"{file.path}: what SOPS encrypted there is no YAML or JSON") from error
    if not file.whole and any(map(holds_ciphertext, values)):
        raise InvalidState(
            f"{file.path}: a value stays encrypted: it was moved to where SOPS encrypts nothing",
            hint="`sops` decrypts what its rules of that file encrypt (encrypted_regex)",
        )
    return values


def _documents(path: str, data: bytes) -> list[YamlDocument]:
    if not path.endswith(".json"):
        return documents(data)
    try:
        value = json.loads(data, object_pairs_hook=_once, parse_constant=_refused)
        _check_depth(value)
        return [YamlDocument(value, 1)]
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


def _check_depth(value: object) -> None:
    """Raise RecursionError for what is deeper than YAML may be: each level calls itself once."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise RecursionError


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refused(name: str) -> None:
    raise NotPlain(f"not JSON: {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotPlain(f"`{one_line(twice)}` stands twice in one object")
    return made

"""Encrypted text that would be taken for a value: nobody decrypts it where it stands.

kustomize and Helm see what is encrypted as it is in the repository, and may put it anywhere: a
replacement or a patch takes it out of the Secret that SOPS would be asked about.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gitops_cli.domain.manifests.objects import Sourced
from gitops_cli.domain.manifests.sealing import MARK, TABLES
from gitops_cli.domain.recorded.findings import Finding
from gitops_cli.domain.text import one_line

_ONE = re.compile(r"ENC\[AES256_GCM,data:[^\]]*\]")
_ENCODED_MARK = b"RU5DW0FFUzI1Nl9HQ00s"  # MARK in base64, where a text begins with it


def ciphers_of(files: Mapping[str, bytes]) -> frozenset[str]:
    """Return the encrypted values of files, each as its text."""
    found = (data.decode(errors="replace") for data in files.values() if MARK.encode() in data)
    return frozenset(one for text in found for one in _ONE.findall(text))


def may_hold(data: bytes) -> bool:
    """Tell whether a text may hold what is encrypted, so that its values have to be looked at."""
    return MARK.encode() in data or _ENCODED_MARK in data


def left_out(
    documents: Collection[Sourced], ciphers: Collection[str], findings: list[Finding]
) -> list[Sourced]:
    """Return the documents without those that have encrypted text where nobody decrypts it.

    Each of these is a finding. A text is refused that is nothing else, and one that has any of
    `ciphers` in it.
    """
    kept = []
    for one in documents:
        where = next(_strays(_outside_of_sealed(one), ciphers), None)
        if where is None:
            kept.append(one)
        else:
            findings.append(_finding(one, where))
    return kept


def holds_ciphertext(value: Any) -> bool:
    """Tell whether a decrypted document still has a value that is encrypted."""
    return next(_strays(value, ()), None) is not None


def _finding(document: Sourced, where: str) -> Finding:
    value = document.value if isinstance(document.value, dict) else {}
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    said = one_line(f"{value.get('kind')}/{name}: {where}")[:200]
    return Finding(
        document.path,
        document.line,
        "sops",
        f"{said} would be encrypted text: there nobody decrypts what SOPS encrypted",
        "let what needs the value read the Secret itself (secretKeyRef, envFrom, a volume), or "
        "encrypt all of this object",
    )


def _outside_of_sealed(document: Sourced) -> Any:
    """Return a document without the values that are decrypted when it is applied."""
    value, sealed = document.value, document.sealed
    if sealed is None or not document.closed or not isinstance(value, dict):
        return value
    parts = {key for key, _ in sealed.file.parts}
    tables = {
        table: {
            key: inner for key, inner in value[table].items() if not _is_sealed(key, inner, parts)
        }
        for table in TABLES
        if isinstance(value.get(table), dict)
    }
    return {**value, **tables}


def _is_sealed(key: str, value: Any, parts: Collection[str]) -> bool:
    if parts:
        return key in parts
    return isinstance(value, str) and value.startswith(MARK)


def _strays(value: Any, ciphers: Collection[str], at: str = "") -> Iterator[str]:
    """Yield where encrypted text stands."""
    if isinstance(value, str):
        if _is_stray(value, ciphers):
            yield at
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strays(inner, ciphers, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _strays(inner, ciphers, f"{at}[{place}]")


def _is_stray(text: str, ciphers: Collection[str]) -> bool:
    if MARK in text:
        return _ONE.fullmatch(text.strip()) is not None or any(
            one in ciphers for one in _ONE.findall(text)
        )
    if len(text) < len(_ENCODED_MARK):
        return False
    try:
        inner = b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return MARK.encode() in inner and _is_stray(inner.decode(errors="replace"), ciphers)

"""What SOPS encrypted of a manifest, told from the file as it stands: nothing is decrypted for it.

A document has a note `sops` beside its content (https://getsops.io/docs/#encryption-protocol):
for whom it is encrypted, and a code over all of its values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gitops_cli.domain.text import one_line

NOTE = "sops"
_MAC = "mac"
MARK = "ENC[AES256_GCM,"
TABLES = ("data", "stringData")
# The kinds of keys, and which field of one names it.
NAMING = {
    "age": "recipient",
    "pgp": "fp",
    "kms": "arn",
    "gcp_kms": "resource_id",
    "azure_kv": "vault_url",
    "hc_vault": "vault_address",
    "hckms": "key_id",
}
_MOST_KEYS = 20  # that are named


class SealedFile(NamedTuple):
    """What the program `sops` is given. `whole`: its code is of exactly this content.

    `keys` names for whom it is encrypted, by kind of key. `form` is what SOPS calls its format,
    empty: JSON or YAML. `parts` are the files that are values of an object that was generated, by
    their keys; then `data` is that object, and none that SOPS knows.
    """

    path: str
    data: bytes
    is_json: bool
    whole: bool
    keys: Mapping[str, tuple[str, ...]]
    form: str = ""
    parts: tuple[tuple[str, SealedFile], ...] = ()

    @property
    def recipients(self) -> str:
        """Return in words for whom it is encrypted."""
        named = [
            name if kind == "age" else f"{kind} {name}"
            for kind, names in self.keys.items()
            for name in names
        ]
        more = f" and {len(named) - _MOST_KEYS} more" if len(named) > _MOST_KEYS else ""
        return ", ".join(named[:_MOST_KEYS]) + more or "nobody"


class Sealed(NamedTuple):
    """What is known of an encrypted document.

    `digest` tells two apart: with the same text the same values come out. `bare` are the keys of
    a Secret whose values are not encrypted. `place` is which of the file's documents it is.
    """

    file: SealedFile
    place: int
    digest: str
    bare: tuple[str, ...] = ()


def is_encrypted(value: Any) -> bool:
    """Tell whether SOPS wrote a document."""
    note = value.get(NOTE) if isinstance(value, dict) else None
    return isinstance(note, dict) and _MAC in note


def without_note(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without what SOPS notes beside it."""
    return {key: inner for key, inner in value.items() if key != NOTE}


def holds_sealed(value: Any) -> bool:
    """Tell whether any value in it is encrypted."""
    if isinstance(value, str):
        return value.startswith(MARK)
    if isinstance(value, dict):
        return any(map(holds_sealed, value.values()))
    return isinstance(value, list) and any(map(holds_sealed, value))


def tells_what_it_is(value: Mapping[str, Any]) -> bool:
    """Tell whether it is a Secret of which nothing but its values is encrypted.

    What is to be done with it can then be found out without a key.
    """
    rest = {k: v for k, v in without_note(value).items() if k not in TABLES}
    is_secret = (value.get("apiVersion"), value.get("kind")) == ("v1", "Secret")
    return is_secret and not holds_sealed(rest)


def sealed(value: Mapping[str, Any], file: SealedFile, place: int) -> Sealed:
    """Return what is known of one encrypted document of a file."""
    note = value[NOTE]
    # Neither who may read it nor when it was written matters; the code changes with the values.
    text = json.dumps([without_note(value), note[_MAC]], sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Sealed(file, place, digest, tuple(_bare(value)))


def _bare(value: Mapping[str, Any]) -> Iterator[str]:
    for table in TABLES:
        fields = value.get(table)
        for key, inner in (fields if isinstance(fields, dict) else {}).items():
            if inner not in (None, "") and not holds_sealed(inner):
                yield str(key)


def keys_of(value: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return for whom a document is encrypted: names of keys, by their kind."""
    note = value[NOTE]
    groups = note.get("key_groups")
    found: dict[str, list[str]] = {}
    for group in (note, *(groups if isinstance(groups, list) else ())):
        for kind, field in NAMING.items() if isinstance(group, dict) else ():
            entries = group.get(kind)
            for entry in entries if isinstance(entries, list) else ():
                name = entry.get(field) if isinstance(entry, dict) else None
                found.setdefault(kind, []).append(one_line(str(name))[:200])
    return {kind: tuple(dict.fromkeys(names)) for kind, names in found.items()}

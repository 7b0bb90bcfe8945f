"""Secrets that kustomize generates from encrypted files.

kustomize reads files, and nothing decrypted is ever written into one. So it is given what stands in
the repository, and each value that is such a file, byte by byte, is put in once it is decrypted.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from gitops_cli.domain.manifests.objects import Sourced
from gitops_cli.domain.manifests.sealing import (
    MARK,
    NAMING,
    Sealed,
    SealedFile,
    is_encrypted,
    keys_of,
)
from gitops_cli.domain.text import one_line
from gitops_cli.plain_yaml import NotPlain, documents

_LINE = re.compile(r"(?m)^sops_(mac=|key_groups|([a-z_]+)__list_\d+__map_([a-z_]+)=(.*))")
_CODE = re.compile(rb"""mac"?\s*[:=]\s*["']?ENC\[AES256_GCM,""")

Sources = Mapping[bytes, SealedFile]
"""Encrypted files by their content."""


def sealed_sources(files: Mapping[str, bytes]) -> dict[bytes, SealedFile]:
    """Return the files that SOPS encrypted."""
    found = (_source(path, files[path]) for path in sorted(files) if MARK.encode() in files[path])
    return {one.data: one for one in found if one is not None}


def is_marked(data: bytes) -> bool:
    """Tell whether SOPS encrypted a file, as far as its code (MAC) says, also one of INI."""
    return _CODE.search(data) is not None


def _source(path: str, data: bytes) -> SealedFile | None:
    try:
        found = [document.value for document in documents(data)]  # JSON is YAML
    except (NotPlain, ValueError):
        return _of_lines(path, data)
    if not found or not all(map(is_encrypted, found)):
        return _of_lines(path, data)
    return SealedFile(path, data, False, True, keys_of(found[0]), _form(path, found[0]))


def _form(path: str, value: Mapping[str, Any]) -> str:
    """Return what SOPS takes a file for, by its name; of other names it keeps one text."""
    if path.endswith(".json"):
        return "json"
    is_text = value.keys() == {"data", "sops"} and isinstance(value["data"], str)
    return "yaml" if path.endswith((".yaml", ".yml")) or not is_text else "binary"


def _of_lines(path: str, data: bytes) -> SealedFile | None:
    """Return a file of variables (dotenv), whose notes are variables, too."""
    found: dict[str, tuple[str, ...]] = {}
    marked = False
    for note, kind, field, name in _LINE.findall(data.decode(errors="replace")):
        marked = marked or note == "mac="
        if note == "key_groups":
            found["groups"] = ("key groups",)  # no kind of key that may be asked
        elif kind not in NAMING:
            found.setdefault(kind, (one_line(kind),))
        elif NAMING[kind] == field:
            found[kind] = (*found.get(kind, ()), one_line(name)[:200])
    found.pop("", None)
    return SealedFile(path, data, False, True, found, "dotenv") if marked else None


def generated(path: str, value: Any, sources: Sources) -> Sourced | None:
    """Return a rendered Secret that holds encrypted files; None: it holds none."""
    if not isinstance(value, dict) or (value.get("apiVersion"), value.get("kind")) != (
        "v1",
        "Secret",
    ):
        return None
    data = value.get("data")
    parts = dict(_parts(data if isinstance(data, dict) else {}, sources))
    if not parts:
        return None
    keys: dict[str, tuple[str, ...]] = {}
    for part in parts.values():
        for kind, names in part.keys.items():
            keys[kind] = tuple(dict.fromkeys((*keys.get(kind, ()), *names)))
    text = json.dumps(value, sort_keys=True).encode()
    file = SealedFile(path, text, True, True, keys, "json", tuple(parts.items()))
    digest = hashlib.sha256(text).hexdigest()[:32]
    bare = tuple(key for key, inner in value["data"].items() if key not in parts and inner)
    return Sourced(path, 1, value, Sealed(file, 0, digest, bare), True)


def _parts(data: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, SealedFile]]:
    for key, text in data.items():
        try:
            content = b64decode("".join(str(text).split()), validate=True)
        except (binascii.Error, ValueError):
            continue
        if content in sources:
            yield str(key), sources[content]


def put_in(file: SealedFile, decrypted: Mapping[str, bytes]) -> Any:
    """Return a generated Secret with the content of its files, by their paths."""
    value = json.loads(file.data)
    for key, part in file.parts:
        value["data"][key] = b64encode(decrypted[part.path]).decode()
    return value

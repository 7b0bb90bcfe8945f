"""Encrypts Secrets with the program `sops`, for the keys that a repository or a person names.

What stands in a `.sops.yaml` was written by whoever may push. Of it only age and PGP recipients are
taken, and where they count: nothing that asks a service, and no plugin, which is a program.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gitops_cli.domain.errors import ConfigurationError, UsageError
from gitops_cli.domain.text import one_line, without_secrets
from gitops_cli.manifests.programs import apart, find, piped
from gitops_cli.manifests.sops import INSTALL, PROGRAM, environment_of
from gitops_cli.plain_yaml import NotPlain, plain

CONFIG = ".sops.yaml"
VALUES = "^(data|stringData)$"
# Bech32 has no `1` in its data: a name of a plugin ends with one (age1yubikey1…).
_AGE = re.compile(r"age1[02-9ac-hj-np-z]{58}|ssh-(ed25519|rsa) [A-Za-z0-9+/=]{40,2000}")
_PGP = re.compile(r"[0-9A-Fa-f]{16,40}")
_OTHERS = ("kms", "gcp_kms", "azure_keyvault", "hc_vault_transit_uri", "hckms", "key_groups")
_MOST_RULES = 100


class Rules(NamedTuple):
    """For whom files are encrypted, as `sops` reads it; `pgp`: some PGP key is among them."""

    config: bytes
    pgp: bool = False


def rules_for(recipients: Sequence[str]) -> Rules:
    """Return rules for age keys that a person names. Raises UsageError."""
    for one in recipients:
        if _AGE.fullmatch(one) is None:
            raise UsageError(
                f"--age {one_line(one)[:80]}: is no recipient of age",
                hint="age1… as `age-keygen -y` prints it, or a public key of ssh",
            )
    return Rules(_written([{"age": ",".join(recipients)}]))


def rules_of(data: bytes) -> Rules:
    """Return the rules of a repository's `.sops.yaml`. Raises ConfigurationError."""
    try:
        value = plain(data)
    except NotPlain as error:
        raise ConfigurationError(f"{CONFIG}:{error.line or 1}: {error}") from error
    rules = value.get("creation_rules") if isinstance(value, dict) else None
    if not isinstance(rules, list) or not rules or len(rules) > _MOST_RULES:
        raise ConfigurationError(f"{CONFIG}:1: has no creation_rules", hint="or pass --age")
    found = list(map(_rule, rules))
    return Rules(_written(found), any("pgp" in one for one in found))


def _rule(rule: Any) -> dict[str, str]:
    if not isinstance(rule, dict):
        raise ConfigurationError(f"{CONFIG}:1: a creation rule is no mapping")
    others = [key for key in _OTHERS if rule.get(key)]
    if others:
        raise ConfigurationError(
            f"{CONFIG}:1: a creation rule has {others[0]}; only keys of age and PGP are used here",
            hint="pass --age; `sops updatekeys` adds the others later",
        )
    made = {
        kind: ",".join(_named(kind, pattern, rule.get(kind)))
        for kind, pattern in (("age", _AGE), ("pgp", _PGP))
    }
    path = rule.get("path_regex")
    made["path_regex"] = path if isinstance(path, str) else ""
    return {key: text for key, text in made.items() if text}


def _named(kind: str, pattern: re.Pattern[str], value: Any) -> Iterator[str]:
    items = value if isinstance(value, list) else [value] if value is not None else []
    for item in items:
        for name in str(item).split(","):
            if name.strip():
                if pattern.fullmatch(name.strip()) is None:
                    said = one_line(name.strip())[:80]
                    raise ConfigurationError(f"{CONFIG}:1: {kind}: `{said}` is no key of {kind}")
                yield name.strip()


def _written(rules: Iterable[Mapping[str, str]]) -> bytes:
    made = [{**rule, "encrypted_regex": VALUES} for rule in rules]
    return json.dumps({"creation_rules": made}).encode()  # JSON is YAML


def encrypt(path: str, content: bytes, rules: Rules) -> bytes:
    """Return a Secret's YAML with its values encrypted. Raises ConfigurationError, TimedOut."""
    program = find(PROGRAM)
    if program is None:
        raise ConfigurationError(
            f"{path}: is to be encrypted, and `{PROGRAM}` is not on PATH", hint=INSTALL
        )
    with tempfile.TemporaryDirectory(prefix="gitops-sops-") as home:
        config = Path(home) / "rules.yaml"
        config.write_bytes(rules.config)
        command = [program, "--config", str(config), "encrypt", "--filename-override", path]
        command += ["--input-type", "yaml", "--output-type", "yaml", "/dev/stdin"]
        done = piped(
            [*(() if rules.pgp else apart()), *command],
            cwd=Path(home),
            env=environment_of(os.environ, home),
            name=PROGRAM,
            given=content,
        )
    if done.code == 0:
        return done.out
    said = one_line(without_secrets(done.words.decode(errors="replace")))[:300]
    raise ConfigurationError(f"{path}: sops cannot encrypt it: {said or f'code {done.code}'}")

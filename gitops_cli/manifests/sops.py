"""Decrypts what SOPS encrypted, by its program, from pipe to pipe: nothing of it is ever written.

A file was written by whoever may push, and names the keys it wants. So the program gets only what
leads to keys of this user, and reaches key services only where this user's environment has them.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gitops_cli.domain.errors import ConfigurationError, InvalidState
from gitops_cli.domain.manifests.sealing import SealedFile
from gitops_cli.domain.text import one_line, without_secrets
from gitops_cli.manifests.programs import apart, find, nowhere, piped, ways

PROGRAM = "sops"
INSTALL = "install it: https://github.com/getsops/sops/releases, or your system's package"
# Exit codes of the program (cmd/sops/codes in its source).
_NO_KEY = 128
_WRONG_CODE = (24, 25, 51, 52)
_MOST_WORDS = 300

# What leads to keys on this machine, or to whom asks for a passphrase.
_KEYS = (
    "SOPS_AGE_KEY",
    "SOPS_AGE_KEY_FILE",
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
    "SOPS_GPG_EXEC",
    "GPG_TTY",
    "DISPLAY",
    "WAYLAND_DISPLAY",
)
_LOCAL = frozenset({"age", "pgp"})
# Key services, and the variables that say that this user has one.
_SERVICES: Mapping[str, tuple[str, ...]] = {
    "kms": (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ),
    "gcp_kms": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
    ),
    "azure_kv": (
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
    ),
    "hc_vault": ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT"),
}
# A key that is elsewhere than its service would be sent this user's credentials.
_PLACES = {
    "kms": re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]+:(key|alias)/[A-Za-z0-9/_-]+\Z"),
    "gcp_kms": re.compile(r"projects/[A-Za-z0-9:._/-]+\Z"),
    "azure_kv": re.compile(
        r"https://[A-Za-z0-9-]+\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)/?\Z"
    ),
}


def decrypt(file: SealedFile) -> bytes:
    """Return what a file holds. Raises ConfigurationError, InvalidState, TimedOut."""
    program = find(PROGRAM)
    if program is None:
        raise ConfigurationError(
            f"{file.path}: is encrypted with SOPS, and `sops` is not on PATH", hint=INSTALL
        )
    services = _allowed(file, os.environ)
    form = file.form or ("json" if file.is_json else "yaml")
    # Whatever a `.sops.yaml` says: it is about what is to be encrypted, and counts for nobody here.
    command = [program, "--config", os.devnull, "--decrypt"]
    command += ["--input-type", form, "--output-type", form]
    command += [] if file.whole else ["--ignore-mac"]
    # gpg may start its agent, which stays, and is not to stay without a network.
    alone = [] if services or "pgp" in file.keys else apart()
    with tempfile.TemporaryDirectory(prefix="gitops-sops-") as home:
        done = piped(
            [*alone, *command, "/dev/stdin"],
            cwd=Path(home),
            env=environment_of(os.environ, home, services),
            name=PROGRAM,
            given=file.data,
        )
    if done.code == 0:
        return done.out
    raise _failure(file, done.code, done.words)


def _failure(file: SealedFile, code: int, words: bytes) -> ConfigurationError | InvalidState:
    if code == _NO_KEY:
        return ConfigurationError(
            f"{file.path}: no key here decrypts it; it is encrypted for {file.recipients}",
            hint="an age key goes into SOPS_AGE_KEY_FILE, a PGP key into GNUPGHOME; who has one "
            "adds yours: `sops updatekeys`",
        )
    if code in _WRONG_CODE:
        return InvalidState(
            f"{file.path}: was changed since it was encrypted: its values are not what SOPS "
            "vouches for",
            hint="change it with `sops edit`, or take its last version that decrypts",
        )
    said = one_line(without_secrets(words.decode(errors="replace")))[:_MOST_WORDS]
    return ConfigurationError(f"{file.path}: sops cannot decrypt it: {said or f'code {code}'}")


def _allowed(file: SealedFile, environ: Mapping[str, str]) -> frozenset[str]:
    """Return the key services that may be asked; raises ConfigurationError if none of its keys may.

    One that may not lets none be asked: the program would go to it as well.
    """
    named = [kind for kind in file.keys if kind not in _LOCAL]
    refused = next((kind for kind in named if not _may_ask(kind, file.keys[kind], environ)), None)
    if refused is None:
        return frozenset(named)
    if _LOCAL & file.keys.keys():
        return frozenset()
    raise ConfigurationError(
        f"{file.path}: is encrypted for {file.recipients}, which may not be asked from here",
        hint=_how(refused),
    )


def _may_ask(kind: str, names: Iterable[str], environ: Mapping[str, str]) -> bool:
    has = any(variable in environ for variable in _SERVICES.get(kind, ()))
    return has and all(_is_at_home(kind, name, environ) for name in names)


def _how(kind: str) -> str:
    if kind == "hc_vault":
        return "VAULT_ADDR must be that very address, so that no other gets your token"
    if kind not in _SERVICES:
        return "encrypt it for an age or a PGP key as well"
    variable = _SERVICES[kind][0]
    return f"credentials for it, in {variable} for example; or an age or a PGP key beside it"


def _is_at_home(kind: str, name: str, environ: Mapping[str, str]) -> bool:
    if kind == "hc_vault":
        return name.rstrip("/") == environ.get("VAULT_ADDR", "").rstrip("/")
    return _PLACES[kind].match(name) is not None


def environment_of(
    environ: Mapping[str, str], home: str, services: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return what the program is told of a user's environment; it may ask these services."""
    return dict(_environment(environ, home, services))


def _environment(
    environ: Mapping[str, str], home: str, services: frozenset[str]
) -> Iterator[tuple[str, str]]:
    yield from (nowhere() if not services else ways(environ)).items()
    names = [*_KEYS, *(name for kind in sorted(services) for name in _SERVICES[kind])]
    yield from ((name, environ[name]) for name in names if name in environ)
    yield "SOPS_HC_VAULT_ALLOWLIST", environ.get("VAULT_ADDR", "") or "none"
    yield "SOPS_DISABLE_VERSION_CHECK", "true"
    yield "PATH", environ.get("PATH", os.defpath)  # gpg, and plugins of age keys
    yield "LC_ALL", "C.UTF-8"
    yield "TMPDIR", home
    own = environ.get("HOME") or str(Path.home())
    # Key services' own files of credentials are below it, and are for them alone.
    yield "HOME", own if services else home
    yield "GNUPGHOME", environ.get("GNUPGHOME") or str(Path(own, ".gnupg"))
    usual = "Library/Application Support" if sys.platform == "darwin" else ".config"
    yield "XDG_CONFIG_HOME", environ.get("XDG_CONFIG_HOME") or str(Path(own, usual))

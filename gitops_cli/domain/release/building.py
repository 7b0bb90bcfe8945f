"""What goes into an image: the request for a build, the labels, the command it starts with."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from gitops_cli.domain.change.draft import WriteOutcome
from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.git_url import tolerant
from gitops_cli.domain.image import ImageRef
from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.text import one_line, redacted

# An id or a name, as docker and podman accept them.
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_SECRET_KEYS = frozenset({"id", "env", "src", "source", "type"})


class Engine(StrEnum):
    """The programs that can build, in the order they are looked for."""

    DOCKER = "docker"
    PODMAN = "podman"


class BuildRequest(NamedTuple):
    """A build: `args` and `secrets` in the words of `docker build`.

    `file` is None where the context has no Dockerfile: then the image has to be there already.
    """

    context: Path
    file: Path | None
    args: Sequence[str] = ()
    secrets: Sequence[str] = ()
    platforms: Sequence[str] = ()
    labels: Mapping[str, str] = MappingProxyType({})


class CommitRequest(NamedTuple):
    """A running container to be made an image; `command` replaces the one it was started with.

    `entrypoint`: what such a command is for, where the container was started with another one.
    """

    container: str
    command: Sequence[str] | None = None
    labels: Mapping[str, str] = MappingProxyType({})
    entrypoint: Sequence[str] | None = None

    @property
    def changes(self) -> list[str]:
        """Return the Dockerfile instructions that are applied to the image."""
        labels = [f"LABEL {_quoted(key)}={_quoted(value)}" for key, value in self.labels.items()]
        if self.command is None:
            return labels
        if self.entrypoint is None:
            return [*labels, f"CMD {_array(self.command)}"]
        # None at all cannot be said: docker takes the container's for an empty one.
        entrypoint, command = (
            (self.entrypoint, self.command) if self.entrypoint else (self.command, ())
        )
        # In this order: ENTRYPOINT takes away a CMD.
        return [*labels, f"ENTRYPOINT {_array(entrypoint)}", f"CMD {_array(command)}"]


class Made(StrEnum):
    """Where the image came from."""

    FOUND = "found"
    BUILT = "built"
    COMMITTED = "committed"


class Release(NamedTuple):
    """What a release did; `digest` and `outcome.written` are None where it was only shown."""

    service: ServiceName
    image: ImageRef
    made: Made | None
    digest: str | None
    outcome: WriteOutcome


def image_labels(
    *, revision: str, source: str | None, built: datetime, more: Sequence[str] = ()
) -> dict[str, str]:
    """Return the labels of an image, with the predefined ones of the OCI image specification."""
    labels = {
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.created": built.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if source:
        labels["org.opencontainers.image.source"] = web_address(source)
    for word in more:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise UsageError(f"--label {one_line(word)}: write NAME=VALUE")
        labels[name] = value
    return labels


def web_address(remote: str) -> str:
    """Return a remote as others may read it: https for git@host:path, and no credentials."""
    url = tolerant(remote)
    if url is not None and url.scheme == "ssh":
        remote = f"https://{url.host}/{url.path}"
    scheme, mark, rest = redacted(remote).partition("://")
    return f"{scheme}{mark}{rest.removeprefix('***@')}".removesuffix(".git")


def parse_command(text: str | None) -> list[str] | None:
    """Split a command line into words, as a shell would. Raises UsageError."""
    if text is None:
        return None
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--cmd {one_line(text)}: {error}") from error
    if not words:
        raise UsageError("--cmd: is empty", hint="--cmd \"nginx -g 'daemon off;'\"")
    return words


def check_container(text: str) -> str:
    """Return the id or name of a container, or raise UsageError."""
    if _CONTAINER.match(text) is None:
        raise UsageError(f"`{one_line(text)}` is not the id or name of a container")
    return text


def check_secret(text: str, environ: Mapping[str, str]) -> str:
    """Return a secret's source, which must not be the secret itself; raises UsageError.

    The message quotes nothing: what was given by mistake may be the secret. Some engines take a
    variable that is not set for an empty secret.
    """
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    if not fields.get("id") or not fields.keys() <= _SECRET_KEYS:
        raise UsageError(
            "--secret: names where a secret is, not what it is",
            hint="--secret id=npm,env=NPM_TOKEN, or --secret id=npm,src=FILE",
        )
    if "env" in fields and fields["env"] not in environ:
        raise UsageError(
            f"--secret id={one_line(fields['id'])}: the variable that `env=` names is not set",
            hint="give the job that secret, and look at how the variable is written",
        )
    return text


def _array(words: Sequence[str]) -> str:
    return json.dumps(list(words), ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("$", "\\$")

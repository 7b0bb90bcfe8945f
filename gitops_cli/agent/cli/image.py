"""Whether the agent's image can be pulled, asked as its pod will ask."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from typing import Any

from gitops_cli.agent import keys
from gitops_cli.cli.session import Session
from gitops_cli.domain.errors import Denied, ImageMissing, RegistryError
from gitops_cli.domain.image import ImageRef, parse_image
from gitops_cli.operations.ports import Objects

_ANYWAY = "--no-verify-image installs without asking"


def check_image(
    session: Session, objects: Objects, name: str, namespace: str, pull_secrets: Sequence[str]
) -> None:
    """Raise what keeps a pod of a namespace from pulling an image; warn of what may.

    It is asked with each of the pull secrets, or as nobody: what its nodes know, they alone know.
    Raises ImageMissing, Denied, RegistryError.
    """
    image = parse_image(name)
    secrets = list(_contents(session, objects, namespace, pull_secrets))
    refused: Denied | None = None
    for auths in secrets or [{}]:
        try:
            _look(session, image, auths)
        except Denied as error:
            refused = error
        else:
            return
    if refused is None:
        return
    if secrets:
        raise Denied(
            f"the registry does not give {image} to {', '.join(pull_secrets)} of {namespace}",
            hint=f"mend the Secret; {_ANYWAY}",
        )
    try:
        if session.registries.digest(image) is None:
            raise _missing(image)
    except Denied:  # nor does it tell this user
        pass
    session.output.warn(
        f"{image} is not given to everybody ({refused.message}): unless the nodes have "
        "credentials of their own, the pod needs --pull-secret NAME"
    )


def _look(session: Session, image: ImageRef, auths: dict[str, Any]) -> None:
    """Ask the registry with these credentials and no others."""
    content = json.dumps({"auths": auths}).encode()
    with keys.unpacked({"config.json": content}) as directory:
        registries = session.registries_with(directory)
        try:
            digest = registries.digest(image)
        except RegistryError as error:
            raise RegistryError(
                f"could not ask for the agent's image: {error.message}", hint=_ANYWAY
            ) from error
    if digest is None:
        raise _missing(image)


def _missing(image: ImageRef) -> ImageMissing:
    return ImageMissing(
        f"the registry has no image {image}", hint="push it, or pass --no-verify-image"
    )


def _contents(
    session: Session, objects: Objects, namespace: str, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the credentials of the pull secrets that are there; warn of the others."""
    for name in names:
        auths = _auths((objects.get("Secret", namespace, name) or {}).get("data") or {})
        if auths:
            yield auths
        else:
            session.output.warn(
                f"{namespace} has no Secret {name} with registry credentials, "
                "so the image is not pulled with it"
            )


def _auths(data: dict[str, str]) -> dict[str, Any]:
    """Return {registry: credentials} of a Secret's data, of both types that kubelets know."""
    try:
        if ".dockerconfigjson" in data:
            found = json.loads(base64.b64decode(data[".dockerconfigjson"]))["auths"]
        else:
            found = json.loads(base64.b64decode(data.get(".dockercfg", "")))
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""What the emulated API refuses, in the words of kube-apiserver 1.36 (copied from its answers)."""

from __future__ import annotations

from typing import Any

from gitops_cli.sandbox.emulator.resources import ServedResource

Json = dict[str, Any]


class ApiFailure(Exception):
    """An answer other than success; `status` is the body, a Kubernetes `Status`."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({} if details is None else {"details": details}),
            "code": code,
        }


def not_found(resource: ServedResource, name: str) -> ApiFailure:
    """The object does not exist."""
    message = f'{resource.qualified} "{name}" not found'
    return ApiFailure(404, "NotFound", message, _about(resource, name))


def unknown_path() -> ApiFailure:
    """No such resource in a group that is served."""
    message = "the server could not find the requested resource"
    return ApiFailure(404, "NotFound", message, {})


def already_exists(resource: ServedResource, name: str) -> ApiFailure:
    """A POST of a name that is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return ApiFailure(409, "AlreadyExists", message, _about(resource, name))


def conflict(resource: ServedResource, name: str) -> ApiFailure:
    """A write that names an older resourceVersion."""
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return ApiFailure(409, "Conflict", message, _about(resource, name))


def bad_request(message: str) -> ApiFailure:
    """The request itself cannot be understood."""
    return ApiFailure(400, "BadRequest", message)


def patch_failed() -> ApiFailure:
    """A JSON patch that does not apply; the real server does not say which operation it was."""
    message = "the server rejected our request due to an error in our request"
    return ApiFailure(422, "Invalid", message, {})


def invalid(
    resource: ServedResource, name: str, problems: list[tuple[str, str, str]]
) -> ApiFailure:
    """Validation; `problems` are (field, reason, message)."""
    texts = [f"{field}: {message}" for field, _, message in problems]
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    causes = [
        {"reason": reason, "message": message, "field": field}
        for field, reason, message in problems
    ]
    details = _about(resource, name) | {"kind": resource.kind, "causes": causes}
    return ApiFailure(422, "Invalid", f'{kind} "{name}" is invalid: {told}', details)


def unauthorized() -> ApiFailure:
    """No secret, or another sandbox's."""
    return ApiFailure(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiFailure:
    """A verb that the resource does not have."""
    message = "the server does not allow this method on the requested resource"
    return ApiFailure(405, "MethodNotAllowed", message, {})


def unsupported_media_type() -> ApiFailure:
    """A body in a form that is not read here."""
    return ApiFailure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def no_protobuf() -> ApiFailure:
    """A body as `kubectl create deployment` sends it."""
    message = "the sandbox reads JSON and YAML, not protobuf: use kubectl apply -f FILE"
    return ApiFailure(415, "UnsupportedMediaType", message, {})


def too_old(revision: int) -> ApiFailure:
    """A watch that begins before what is remembered."""
    return ApiFailure(410, "Expired", f"too old resource version: {revision}")


def _about(resource: ServedResource, name: str) -> Json:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}

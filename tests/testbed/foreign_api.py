"""An API server that is none: it answers with whatever JSON a test gives it, over plain HTTP.

What a real API server never sends can only come from something else: a proxy, an aggregated API,
a gateway, somebody who means harm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.testbed.hostile import answer, hostile

Body = bytes | Mapping[str, Any]
_KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "cronjobs": "CronJob",
    "pods": "Pod",
    "jobs": "Job",
    "events": "Event",
}


def listed(kind: str, *items: Any, **metadata: Any) -> dict[str, Any]:
    """Return a LIST's answer."""
    return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": list(items)}


def a_workload(namespace: str, name: str, image: str, **changes: Any) -> dict[str, Any]:
    """Return a Deployment that has rolled out; `changes` replace what stands at the top."""
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": "u",
            "generation": 1,
            "annotations": {},
        },
        "spec": {"replicas": 1, "template": {"spec": {"containers": [_container(name, image)]}}},
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
        },
    } | changes


def _container(name: str, image: str) -> dict[str, Any]:
    return {"name": name, "image": image}


FAILURE = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "etcdserver: request timed out",
    "reason": "InternalError",
    "code": 500,
}


_NOT_FOUND = {**FAILURE, "code": 404, "reason": "NotFound", "message": "not found"}


@dataclass
class ForeignApi:
    """What the server answers. Where no answer was given, a LIST is empty."""

    url: str = ""
    answers: list[tuple[str, str, int, Body]] = field(default_factory=list)

    def on(self, path: str, body: Body, *, method: str = "GET", status: int = 200) -> None:
        """Answer so from now on where the path ends like this pattern."""
        self.answers.insert(0, (method, path, status, body))

    def answer(self, request: str) -> Iterator[bytes]:
        """Yield the answer to a request's first line."""
        method, target, _ = request.split(" ")
        path = urlsplit(target).path
        for verb, pattern, status, body in self.answers:
            if verb == method and re.search(f"(?:{pattern})\\Z", path):
                yield answer(_bytes(body), status=f"{status} As told")
                return
        kind = _KINDS.get(path.rpartition("/")[2])
        if kind is not None:
            yield answer(_bytes(listed(kind)))
        else:
            yield answer(_bytes(_NOT_FOUND), status="404 Not Found")


@contextmanager
def foreign_api(kubeconfig: Path) -> Iterator[ForeignApi]:
    """Run such a server, and write a kubeconfig that leads to it."""
    api = ForeignApi()
    with hostile(api.answer) as server:
        server.kubeconfig(kubeconfig)
        api.url = f"http://{server.address}"
        yield api


def _bytes(body: Body) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()

"""A bare client of a Kubernetes API, real or emulated: what was asked, what came back."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.testbed.patience import PATIENCE

Json = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

A, B, BROKEN = "r/web:" + "a" * 40, "r/web:" + "b" * 40, "r/web:dead0" + "0" * 35
IMAGE = "/spec/template/spec/containers/0/image"


@dataclass(frozen=True, slots=True)
class Api:
    """One API server and the namespace that a test has for itself."""

    url: str
    namespace: str
    tls: ssl.SSLContext | None = None

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        **query: str | int,
    ) -> tuple[int, Any]:
        """Send one request; return the code and the JSON (of a watch: its events), or text."""
        url = urlsplit(self.url)
        if self.tls is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                url.hostname or "", url.port, context=self.tls, timeout=30
            )
        else:
            connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        target = f"{url.path}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(
                method, target, data, {"Content-Type": content_type, "Accept": accept}
            )
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if "json" not in response.getheader("Content-Type", ""):
            return response.status, content.decode()
        if "watch" in query:
            return response.status, [json.loads(line) for line in content.splitlines()]
        return response.status, json.loads(content)

    def path(self, plural: str, name: str = "") -> str:
        """Return the path of a collection or an object in the test's namespace."""
        group = "/api/v1" if plural in {"pods", "events", "configmaps"} else "/apis/apps/v1"
        if plural == "cronjobs":
            group = "/apis/batch/v1"
        return f"{group}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def create(self, manifest: Json) -> Json:
        """Create an object; fails unless it is 201."""
        plural = f"{manifest['kind'].lower()}s"
        code, body = self.ask("POST", self.path(plural), manifest)
        assert code == 201, body
        return dict(body)

    def get(self, plural: str, name: str) -> Json:
        """Return an object; fails unless it is 200."""
        code, body = self.ask("GET", self.path(plural, name))
        assert code == 200, body
        return dict(body)

    def list(self, plural: str, **query: str) -> list[Json]:
        """Return the objects of a collection."""
        code, body = self.ask("GET", self.path(plural), **query)
        assert code == 200, body
        return list(body["items"])

    def patch(self, plural: str, name: str, patch: Any, **query: str) -> tuple[int, Json]:
        """Send a JSON patch (a list) or a merge patch."""
        form = JSON_PATCH if isinstance(patch, list) else MERGE
        return self.ask("PATCH", self.path(plural, name), patch, content_type=form, **query)

    def set_image(self, name: str, image: str) -> Json:
        """Change a Deployment's first container as our adapter does."""
        at = "/spec/template/spec/containers/0/image"
        code, body = self.patch(
            "deployments", name, [{"op": "replace", "path": at, "value": image}]
        )
        assert code == 200, body
        return body

    def wait(self, plural: str, name: str, until: Callable[[Json], object]) -> Json:
        """Return the object as soon as `until` is true of it."""
        found: Json = {}

        def look() -> bool:
            nonlocal found
            found = self.get(plural, name)
            return bool(until(found))

        eventually(look, lambda: json.dumps(found.get("status"), indent=1))
        return found


def eventually(look: Callable[[], object], tell: Callable[[], str] = str) -> None:
    """Call until it returns something true; after two minutes fail with what `tell` tells."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.05)


def rolled_out(deployment: Json) -> bool:
    """Tell whether a Deployment's status is of its spec and complete."""
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == {
        wanted
    }


def deployment(name: str, image: str, *, replicas: int = 1, **spec: Any) -> Json:
    """Return a Deployment without annotations."""
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, **_templated(name, image), **spec},
    }


def statefulset(name: str, image: str) -> Json:
    """Return a StatefulSet of two pods."""
    return {
        "kind": "StatefulSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": name},
        "spec": {"replicas": 2, "serviceName": name, **_templated(name, image)},
    }


def daemonset(name: str, image: str) -> Json:
    """Return a DaemonSet."""
    return {
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": name},
        "spec": _templated(name, image),
    }


def _templated(name: str, image: str) -> Json:
    labels = {"app": name}
    container = {"name": name, "image": image}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def op(op_: str, path: str, value: Any) -> Json:
    """Return one operation of a JSON patch."""
    return {"op": op_, "path": path, "value": value}

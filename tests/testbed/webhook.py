"""Admission webhooks: small HTTPS servers that the API server asks, and that refuse or change."""

from __future__ import annotations

import json
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.testbed.controlplane import make_certificates
from tests.testbed.kube import ApiError, Kube
from tests.testbed.patience import eventually

_VERSION = "admissionregistration.k8s.io/v1"


class _Server:
    """Answers what the API server asks of the objects of one namespace.

    `rules` are those of its configuration, `sort` is Validating or Mutating.
    """

    sort: str
    rules: Sequence[Mapping[str, Any]]

    def __init__(self, kube: Kube, namespace: str, directory: Path) -> None:
        self._kube = kube
        self._namespace = namespace
        certificates = make_certificates(directory)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        self._ca = b64encode((certificates / "ca.crt").read_bytes()).decode()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def name(self) -> str:
        """Return the webhook's name, as a denial names it."""
        return f"{self.prefix}.{self._namespace}.example.com"

    prefix = "images"

    @property
    def _collection(self) -> str:
        return f"/apis/{_VERSION}/{self.sort.lower()}webhookconfigurations"

    def __enter__(self) -> Self:
        self._thread.start()
        self._kube.request("POST", self._collection, self._configuration())
        eventually(self._is_asked)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kube.request("DELETE", f"{self._collection}/{self.name}")
        self.stop()

    def stop(self) -> None:
        """Answer no more, while the API server still asks."""
        self._server.shutdown()
        self._server.server_close()

    def _is_asked(self) -> bool:
        raise NotImplementedError

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def _configuration(self) -> dict[str, Any]:
        hook = {
            "name": self.name,
            "clientConfig": {
                "url": f"https://127.0.0.1:{self._server.server_address[1]}/",
                "caBundle": self._ca,
            },
            "rules": self.rules,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
        }
        kind = f"{self.sort}WebhookConfiguration"
        metadata = {"name": self.name}
        return {"apiVersion": _VERSION, "kind": kind, "metadata": metadata, "webhooks": [hook]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                review["response"] = webhook._answer(review.pop("request"))
                body = json.dumps(review).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler


class Webhook(_Server):
    """Says no to every change of a Deployment of one namespace, with a status to choose."""

    sort = "Validating"
    rules = (
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": ["UPDATE"],
            "resources": ["deployments"],
        },
    )

    def __init__(self, kube: Kube, namespace: str, directory: Path) -> None:
        super().__init__(kube, namespace, directory)
        self.status: dict[str, Any] | None = None
        """What a denial says (code, reason, message); None: nothing is denied."""
        self.warnings: list[str] = []

    def _is_asked(self) -> bool:
        before, self.status = self.status, {"code": 403, "message": "probe"}
        probe = {"metadata": {"annotations": {"probe": "1"}}}
        try:
            for one in self._kube.find("Deployment", self._namespace):
                name = one["metadata"]["name"]
                self._kube.patch("Deployment", self._namespace, name, probe, dryRun="All")
        except ApiError:
            return True
        finally:
            self.status = before
        return False

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        uid = request["uid"]
        answer = {"uid": uid, "allowed": self.status is None, "warnings": self.warnings}
        return answer if self.status is None else answer | {"status": self.status}


Change = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""Makes a JSON patch for an object that is created or updated."""


class MutatingWebhook(_Server):
    """Changes the ConfigMaps and Deployments of one namespace, as it is told.

    `writes` counts what it was asked about that was no dry run.
    """

    sort = "Mutating"
    rules = (
        {
            "apiGroups": ["", "apps"],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps", "deployments"],
        },
    )

    def __init__(
        self, kube: Kube, namespace: str, directory: Path, change: Change, prefix: str = "changes"
    ) -> None:
        self.prefix = prefix
        self.writes = 0
        self._change = change
        super().__init__(kube, namespace, directory)

    def _is_asked(self) -> bool:
        self.asked = False
        probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}}
        target = f"/api/v1/namespaces/{self._namespace}/configmaps"
        self._kube.request("POST", target, probe, dryRun="All")
        return self.asked

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked = True
        self.writes += not request["dryRun"]
        patch = json.dumps(self._change(request["object"])).encode()
        answer = {"uid": request["uid"], "allowed": True}
        return answer | {"patchType": "JSONPatch", "patch": b64encode(patch).decode()}

"""A validating admission webhook: a small HTTPS server that the API server asks."""

from __future__ import annotations

import json
import ssl
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.testbed.controlplane import make_certificates
from tests.testbed.kube import ApiError, Kube, eventually

_VERSION = "admissionregistration.k8s.io/v1"
_COLLECTION = f"/apis/{_VERSION}/validatingwebhookconfigurations"


class Webhook:
    """Says no to every change of a Deployment of one namespace, with a status to choose."""

    def __init__(self, kube: Kube, namespace: str, directory: Path) -> None:
        self.status: dict[str, Any] | None = None
        """What a denial says (code, reason, message); None: nothing is denied."""
        self.warnings: list[str] = []
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
        return f"images.{self._namespace}.example.com"

    def __enter__(self) -> Self:
        self._thread.start()
        self._kube.request("POST", _COLLECTION, self._configuration())
        eventually(self._is_asked)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kube.request("DELETE", f"{_COLLECTION}/{self.name}")
        self.stop()

    def stop(self) -> None:
        """Answer no more, while the API server still asks."""
        self._server.shutdown()
        self._server.server_close()

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

    def _configuration(self) -> dict[str, Any]:
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"]}
        hook = {
            "name": self.name,
            "clientConfig": {
                "url": f"https://127.0.0.1:{self._server.server_address[1]}/",
                "caBundle": self._ca,
            },
            "rules": [rule | {"resources": ["deployments"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
        }
        kind = "ValidatingWebhookConfiguration"
        metadata = {"name": self.name}
        return {"apiVersion": _VERSION, "kind": kind, "metadata": metadata, "webhooks": [hook]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                review["response"] = webhook._answer(review.pop("request")["uid"])
                body = json.dumps(review).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler

    def _answer(self, uid: str) -> dict[str, Any]:
        answer = {"uid": uid, "allowed": self.status is None, "warnings": self.warnings}
        return answer if self.status is None else answer | {"status": self.status}

"""A real and an emulated API server that answer the same requests."""

from __future__ import annotations

import secrets
import ssl
import threading
from collections.abc import Iterator

import pytest

from gitops_cli.sandbox.emulator.controllers import Controllers
from gitops_cli.sandbox.emulator.pods import Node
from gitops_cli.sandbox.emulator.server import SANDBOX, EmulatedServer, listen
from gitops_cli.sandbox.emulator.store import EmulatedObjects
from tests.sandbox.apis import Api
from tests.testbed.controlplane import ControlPlane
from tests.testbed.patience import PATIENCE


def pull_problem(image: str) -> str | None:
    """Judge images as the control plane's fake nodes do."""
    return f"{image}: not found" if ":dead0" in image else None


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatedServer]:
    """Return a running emulator without anything in it."""
    store = EmulatedObjects()
    controllers = Controllers(store, Node(store, pull_problem, pulls=0.2))
    server = listen(controllers, secrets.token_hex(8), {"test": True})
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    assert Api(server.url, "").ask("DELETE", f"/{SANDBOX}") == (200, {"test": True})
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def emulated(emulator: EmulatedServer) -> Iterator[Api]:
    """Return the emulator's API with a namespace of the test's own."""
    api = Api(emulator.url, f"test-{secrets.token_hex(4)}")
    body = {"metadata": {"name": api.namespace}}
    assert api.ask("POST", "/api/v1/namespaces", body)[0] == 201
    yield api
    assert api.ask("DELETE", f"/api/v1/namespaces/{api.namespace}")[0] == 200


@pytest.fixture
def real(control_plane: ControlPlane, namespace: str) -> Api:
    """Return the real API server with a namespace of the test's own."""
    tls = ssl.create_default_context(cafile=str(control_plane.ca_file))
    user = control_plane.directory / "client-admin.crt"
    tls.load_cert_chain(str(user), str(user.with_suffix(".key")))
    return Api(control_plane.url, namespace, tls)


@pytest.fixture(params=["emulated", "real"])
def api(request: pytest.FixtureRequest) -> Api:
    """Return each API in turn: a test that takes this holds for both, word for word."""
    found: Api = request.getfixturevalue(request.param)
    return found

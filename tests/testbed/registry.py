"""A real registry (Debian's docker-registry) on 127.0.0.1: plain, or TLS with credentials."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.testbed.patience import PATIENCE
from tests.testbed.ports import free_port

PROGRAM = "docker-registry"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIGS = {
    OCI_MANIFEST: "application/vnd.oci.image.config.v1+json",
    DOCKER_MANIFEST: "application/vnd.docker.container.image.v1+json",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Who may use a registry."""

    user: str
    password: str

    @property
    def packed(self) -> str:
        """Return the two as Docker's config has them."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class RealRegistry:
    """A running registry; `ca_file` and `account` where it has TLS and asks for credentials."""

    address: str
    log: Path
    ca_file: Path | None = None
    account: Account | None = None

    def docker_config(self) -> str:
        """Return the content of a config.json that is logged in."""
        assert self.account is not None
        return json.dumps({"auths": {self.address: {"auth": self.account.packed}}})

    def push(self, repository: str, tag: str, media_type: str = OCI_MANIFEST) -> str:
        """Store a small image (or an index of one) under a tag and return its digest."""
        if media_type in (OCI_INDEX, DOCKER_LIST):
            single = OCI_MANIFEST if media_type == OCI_INDEX else DOCKER_MANIFEST
            body = self._image(repository, single)
            child = self._put(repository, _digest(body), single, body)
            entry = {"mediaType": single, "digest": child, "size": len(body)}
            entry["platform"] = {"os": "linux", "architecture": "amd64"}
            content = {"schemaVersion": 2, "mediaType": media_type, "manifests": [entry]}
            return self._put(repository, tag, media_type, _json(content))
        return self._put(repository, tag, media_type, self._image(repository, media_type))

    def manifest(self, repository: str, reference: str) -> Any:
        """Return the manifest of an image or index."""
        accepted = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))
        path = f"/v2/{repository}/manifests/{reference}"
        answer = self._request("GET", path, accept=accepted)
        assert answer.status == 200, answer.data
        return json.loads(answer.data)

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a layer, or the configuration of an image."""
        answer = self._request("GET", f"/v2/{repository}/blobs/{digest}")
        assert answer.status == 200, answer.data
        return answer.data

    def attach(self, repository: str, digest: str, kind: str, body: bytes, predicate: str) -> None:
        """Attach a statement to an image as cosign 3 does, by the tag that lists what is attached.

        What was attached before stays.
        """
        subject = self._request(
            "GET", f"/v2/{repository}/manifests/{digest}", accept=f"{OCI_MANIFEST}, {OCI_INDEX}"
        )
        for blob in (body, b"{}"):
            self._upload(repository, blob)
        notes = {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": predicate,
        }
        content = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", **_described(b"{}")},
            "layers": [{"mediaType": kind, **_described(body)}],
            "subject": {"mediaType": OCI_MANIFEST, **_described(subject.data)},
            "annotations": notes,
        }
        manifest, tag = _json(content), digest.replace(":", "-")
        self._put(repository, _digest(manifest), OCI_MANIFEST, manifest)
        before = self._request("GET", f"/v2/{repository}/manifests/{tag}", accept=OCI_INDEX)
        listed = json.loads(before.data)["manifests"] if before.status == 200 else []
        entry = {"mediaType": OCI_MANIFEST, **_described(manifest), "artifactType": kind}
        manifests = [*listed, {**entry, "annotations": notes}]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        self._put(repository, tag, OCI_INDEX, _json(index))

    def delete(self, repository: str, digest: str) -> None:
        """Remove an image, as retention policies do."""
        answer = self._request("DELETE", f"/v2/{repository}/manifests/{digest}")
        assert answer.status == 202, answer.data

    def _image(self, repository: str, media_type: str) -> bytes:
        config = _json({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers"}})
        layer = b"not read by anybody"
        for blob in (config, layer):
            self._upload(repository, blob)
        kind = (
            "vnd.oci.image.layer.v1.tar"
            if media_type == OCI_MANIFEST
            else ("vnd.docker.image.rootfs.diff.tar")
        )
        content = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": _CONFIGS[media_type], **_described(config)},
            "layers": [{"mediaType": f"application/{kind}", **_described(layer)}],
        }
        return _json(content)

    def _upload(self, repository: str, blob: bytes) -> None:
        start = self._request("POST", f"/v2/{repository}/blobs/uploads/")
        assert start.status == 202, start.data
        place = start.headers["Location"]
        url = f"{place}{'&' if '?' in place else '?'}digest={_digest(blob)}"
        done = self._request("PUT", url, blob, "application/octet-stream")
        assert done.status == 201, done.data

    def _put(self, repository: str, reference: str, media_type: str, body: bytes) -> str:
        path = f"/v2/{repository}/manifests/{reference}"
        answer = self._request("PUT", path, body, media_type)
        assert answer.status == 201, answer.data
        return answer.headers["Docker-Content-Digest"]

    def _request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        media_type: str | None = None,
        *,
        accept: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        scheme = "http" if self.ca_file is None else "https"
        url = path if "://" in path else f"{scheme}://{self.address}{path}"
        headers = {} if media_type is None else {"Content-Type": media_type}
        if accept is not None:
            headers["Accept"] = accept
        if self.account is not None:
            headers["Authorization"] = f"Basic {self.account.packed}"
        context = ssl.create_default_context(cafile=self.ca_file)
        with urllib3.PoolManager(ssl_context=context) as pool:
            return pool.request(method, url, body=body, headers=headers)


@contextmanager
def running_registry(
    directory: Path, *, account: Account | None = None, port: int | None = None
) -> Iterator[RealRegistry]:
    """Run a registry below `directory`; with an account it has TLS and asks for it."""
    program = shutil.which(PROGRAM)
    assert program, f"{PROGRAM} is not installed: apt-get install {PROGRAM}"
    directory.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{port or free_port()}"
    http: dict[str, Any] = {"addr": address}
    config: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(directory / "data")},
            "delete": {"enabled": True},
        },
        "http": http,
    }
    authority = None
    if account is not None:
        authority = make_certificate(directory)
        http["tls"] = {
            "certificate": str(directory / "server.crt"),
            "key": str(directory / "server.key"),
        }
        users = directory / "htpasswd"
        users.write_text(_htpasswd(account))
        config["auth"] = {"htpasswd": {"realm": "tests", "path": str(users)}}
    file, log = directory / "config.yml", directory / "registry.log"
    file.write_text(json.dumps(config))  # JSON is YAML
    with log.open("wb") as stream:
        process = subprocess.Popen([program, "serve", str(file)], stdout=stream, stderr=stream)
    try:
        _await(process, address, log)
        yield RealRegistry(address, log, authority, account)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def make_certificate(directory: Path, name: str = "localhost") -> Path:
    """Write server.crt and server.key for 127.0.0.1 and `name`; return their authority's."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    directory.mkdir(parents=True, exist_ok=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=tests ca")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    (directory / "server.ext").write_text(f"subjectAltName=IP:127.0.0.1,DNS:{name}\n")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "server.ext")
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", *signing)
    return directory / "ca.crt"


def _htpasswd(account: Account) -> str:
    command = ["htpasswd", "-niB", account.user]
    done = subprocess.run(
        command, input=account.password, check=True, text=True, capture_output=True
    )
    return done.stdout


def _await(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, _, port = address.partition(":")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"{PROGRAM} did not start:\n{log.read_text()}")


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _described(body: bytes) -> dict[str, Any]:
    return {"digest": _digest(body), "size": len(body)}

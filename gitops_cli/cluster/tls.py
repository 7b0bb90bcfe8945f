"""TLS as a kubeconfig wants it."""

from __future__ import annotations

import os
import ssl

from gitops_cli.cluster.kubeconfig import Access, Pem
from gitops_cli.domain.errors import ConfigurationError

_MOST = 60_000  # bytes that a pipe takes without a reader


def context_for(access: Access) -> ssl.SSLContext:
    """Return the TLS settings of an access; raises ConfigurationError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif access.ca is None:
        context.load_default_certs()
    else:
        _load_ca(context, access.ca)
    if access.certificate is not None:
        _load_pair(context, access.certificate, access.key)
    return context


def _load_ca(context: ssl.SSLContext, ca: Pem) -> None:
    try:
        context.load_verify_locations(cadata=ca.read().decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{_place(ca, 'certificate-authority')}: {error}") from error


def _load_pair(context: ssl.SSLContext, certificate: Pem, key: Pem | None) -> None:
    if key is None:
        raise ConfigurationError(f"{_place(certificate, 'client-certificate')}: has no client-key")
    pair = [certificate.read(), key.read()]
    if max(map(len, pair)) > _MOST:
        raise ConfigurationError("a client certificate or key of the kubeconfig is too large")
    readers = [_pipe(data) for data in pair]
    try:
        # OpenSSL reads files only; a pipe is one that never touches a disk.
        files = [f"/dev/fd/{reader}" for reader in readers]
        context.load_cert_chain(files[0], files[1], password=_refuse)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ConfigurationError(f"{_place(certificate, 'client-certificate')}: {error}") from error
    finally:
        for reader in readers:
            os.close(reader)


def _refuse() -> str:
    # Without this OpenSSL would ask on the terminal.
    raise ValueError("the client key is encrypted")


def _pipe(data: bytes) -> int:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(data)
    return reader


def _place(pem: Pem, key: str) -> str:
    return str(pem.path) if pem.path is not None else f"kubeconfig's {key}-data"

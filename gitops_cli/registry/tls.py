"""Whom a registry's certificate is checked against, as docker and podman have it.

Beside the system's authorities (which SSL_CERT_FILE and SSL_CERT_DIR replace), a registry may have
its own: `ca_file` of the user's config, or `certs.d/HOST:PORT/*.crt` with `*.cert` and `*.key` for
a client certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import certifi

from gitops_cli.domain.errors import ConfigurationError
from gitops_cli.domain.registries import RegistryRules


def tls_context(rules: RegistryRules, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return the context for one registry. Raises ConfigurationError naming the unusable file."""
    context = ssl.create_default_context()
    defaults = ssl.get_default_verify_paths()
    if not (defaults.cafile or defaults.capath):
        context.load_verify_locations(certifi.where())  # a Python that brings no authorities
    if rules.ca_file is not None:
        _trust(context, rules.ca_file)
    for directory in certificate_directories(rules.host, environ):
        for authority in sorted(directory.glob("*.crt")):
            _trust(context, authority)
        for certificate in sorted(directory.glob("*.cert")):
            _present(context, certificate)
    return context


def certificate_directories(host: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the directories that docker and podman read for `host`, existing or not."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    podmans = home / ".config" / "containers"  # wherever XDG_CONFIG_HOME is
    for base in (Path("/etc/docker"), Path("/etc/containers"), config / "docker", podmans):
        yield base / "certs.d" / host


def _trust(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{file}: cannot be read as certificates (PEM)") from error


def _present(context: ssl.SSLContext, certificate: Path) -> None:
    key = certificate.with_suffix(".key")
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"{certificate}: no client certificate with {key.name}") from error

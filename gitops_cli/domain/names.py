"""Names that become path parts, refs and Kubernetes names: DNS labels and nothing else."""

from __future__ import annotations

import re
from typing import NewType

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.text import one_line

ServiceName = NewType("ServiceName", str)
EnvironmentName = NewType("EnvironmentName", str)

AGENT = "gitops-agent"
"""Every object of the agent has this name; policies, `capture` and tests match on it."""
AGENT_SIGNERS = "gitops-agent-signers"

# RFC 1123, as Kubernetes checks namespaces. It also keeps `..`, `/` and `-x` out of paths and argv.
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
RULE = "lower-case letters, digits and `-`, at most 63, beginning and ending with a letter or digit"
SERVICE_RULE = f"{RULE}; several such parts may be joined by dots"
ENDINGS = frozenset(
    {"deployment", "statefulset", "daemonset", "cronjob", "rollout", "lock", "approval"}
)
"""How files of the state repository end, and so no service does."""
_MOST = 200  # a file's name has 255 bytes, and a workload's 253


def is_dns_label(text: str) -> bool:
    """Tell whether `text` may be the name of a namespace or a container."""
    return _DNS_LABEL.match(text) is not None


def is_service_name(text: str) -> bool:
    """Tell whether `text` may be the name of a service: a workload's, which may have dots.

    It must not end like the files of a state repository: `web.deployment` is a path's part.
    """
    labels = text.split(".")
    fits = len(text) <= _MOST and all(map(is_dns_label, labels))
    return fits and not (len(labels) > 1 and labels[-1] in ENDINGS)


def parse_service(text: str) -> ServiceName:
    """Return `text` as the name of a service, or raise UsageError."""
    if not is_service_name(text):
        raise UsageError(f"`{one_line(text)}` is not a service name: {SERVICE_RULE}")
    return ServiceName(text)


def parse_environment(text: str) -> EnvironmentName:
    """Return `text` as the name of an environment, or raise UsageError."""
    if not is_dns_label(text):
        raise UsageError(f"`{one_line(text)}` is not an environment name: {RULE}")
    return EnvironmentName(text)

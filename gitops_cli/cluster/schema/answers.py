"""Answers to questions, and what is told as an answer."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from gitops_cli.cluster.schema.common import Read, Time


class EventMeta(Read):
    """When an event was written."""

    creation_timestamp: Time | None = None


class Event(Read):
    """What happened to an object."""

    metadata: EventMeta
    reason: str | None = None
    message: str | None = None
    last_timestamp: Time | None = None
    event_time: Time | None = None


class Allowed(Read):
    """What the server says of a right."""

    allowed: bool


class Review(Read):
    """A SelfSubjectAccessReview that was answered."""

    status: Allowed


class Granted(Read):
    """One rule of what we may do."""

    verbs: list[str]
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None


class AllGranted(Read):
    """What the server says of all rights in a namespace. `incomplete`: some it cannot tell."""

    resource_rules: list[Granted] | None = None
    incomplete: bool = False


class RulesReview(Read):
    """A SelfSubjectRulesReview that was answered."""

    status: AllGranted


class Token(Read):
    """A token; it is never shown."""

    token: str


class TokenRequest(Read):
    """A TokenRequest that was answered."""

    status: Token


class IdentityMeta(Read):
    """Which object it is."""

    uid: str


class Identified(Read):
    """Any object."""

    metadata: IdentityMeta


class VersionedMeta(Read):
    """Since when it is as it is."""

    resource_version: str = ""


class Versioned(Read):
    """Any object in a watch."""

    metadata: VersionedMeta


class NamespaceStatus(Read):
    """Whether a namespace is being deleted."""

    phase: str = ""


class Namespace(Read):
    """A Namespace."""

    status: NamespaceStatus | None = None


class Version(Read):
    """What a server says of itself."""

    git_version: str


class Status(Read):
    """An error, or that something was done; the objects of other kinds have other fields."""

    kind: str = ""
    status: Any = None
    message: Any = None
    code: Any = None
    details: Any = None

    @property
    def words(self) -> str:
        return self.message if isinstance(self.message, str) else ""

    @property
    def is_failure(self) -> bool:
        """Tell whether it is an error, whatever the answer's number says."""
        return self.kind == "Status" and self.status == "Failure"


class WatchEvent(Read):
    """One line of a watch."""

    type: str
    object: Raw

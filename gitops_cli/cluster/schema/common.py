"""What many objects have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Raw, Struct, field

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Number = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# Names get into paths, file names and lines that are pasted into a shell.
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", max_length=253)]
Time = Annotated[datetime, Meta(tz=True)]


# msgspec reads the types of the fields, so they are all named above and in order.
class Read(Struct, rename="camel", gc=False):
    """An object of which some fields are read."""


class ManagedEntry(Read):
    """What one manager owns of an object; whoever may update it may have written any time."""

    manager: str = ""
    subresource: str = ""
    time: str | None = None
    fields: Raw = field(name="fieldsV1", default=Raw(b"{}"))


class OwnAnnotations(Read):
    """Our own annotations of a workload (`domain.cluster.workload.OUR_ANNOTATIONS`)."""

    change_cause: str | None = field(name="kubernetes.io/change-cause", default=None)
    commit: str | None = field(name="gitops-cli/commit", default=None)
    commit_time: str | None = field(name="gitops-cli/commit-time", default=None)
    actor: str | None = field(name="gitops-cli/actor", default=None)
    version: str | None = field(name="gitops-cli/version", default=None)


class Condition(Read):
    """One condition of a status."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_update_time: Time | None = None


class Container(Read):
    """A container of a template or of a pod."""

    name: Name
    image: str = ""


class PodSpec(Read):
    """The containers of a template or of a pod."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class PodTemplate(Read):
    """The pods that an object makes."""

    spec: PodSpec


class Owner(Read):
    """Who made an object."""

    kind: str
    name: str
    controller: bool | None = None


class ListMeta(Read):
    """What a LIST says of itself."""

    following: str | None = field(name="continue", default=None)
    resource_version: str = ""


T = TypeVar("T")


class ListOf(Read, Generic[T]):
    """A LIST of objects; a server that has none may say null."""

    kind: str
    items: list[T] | None
    metadata: ListMeta = field(default_factory=ListMeta)

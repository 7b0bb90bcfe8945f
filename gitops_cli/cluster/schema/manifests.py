"""Whole objects, whose other fields are kept as they are."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Raw, field

from gitops_cli.cluster.schema.common import Condition, Count, Name, Owner, Read


class Written(Read):
    """Who wrote an object, and when: whoever may update it may have written any text there."""

    manager: str = ""
    time: str | None = None


class ManifestMeta(Read):
    """What every object says of itself."""

    name: Name
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None
    managed_fields: list[Written] | None = None


class Manifest(Read):
    """Any object."""

    metadata: ManifestMeta


class FreelyNamedMeta(ManifestMeta):
    """The same, of a kind whose names may be nearly any text, as those of Roles."""

    name: str


class FreelyNamed(Manifest):
    """Any object, whatever it is called."""

    metadata: FreelyNamedMeta


class HeldEntry(Read):
    """What one manager owns of an object, and how it came to."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    fields: Raw = field(name="fieldsV1", default=Raw())


class HeldMeta(Read):
    """All that is known of an object without its content."""

    name: str
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None
    deletion_timestamp: str | None = None
    managed_fields: list[HeldEntry] | None = None


class Held(Read):
    """An object, of which only the metadata was asked for."""

    metadata: HeldMeta


class Names(Read):
    """How a kind is called in URLs and in manifests."""

    kind: str = ""


class Discovered(Read):
    """One resource of a group's version."""

    resource: Name
    scope: str
    response_kind: Names = field(default_factory=Names)


class GroupVersion(Read):
    """What one version of a group has."""

    version: Name
    resources: list[Discovered] | None = None


class GroupMeta(Read):
    """A group's name; the core's is empty."""

    name: str = ""


class Group(Read):
    """A group of the API; its versions have the preferred one first."""

    metadata: GroupMeta
    versions: list[GroupVersion] | None = None


class Groups(Read):
    """Aggregated discovery: everything that a server has, in one answer."""

    kind: str
    items: list[Group] | None = None


class DefinitionStatus(Read):
    """How far a CustomResourceDefinition is."""

    conditions: list[Condition] | None = None


class Definition(Manifest):
    """A CustomResourceDefinition, and how far it is."""

    status: DefinitionStatus | None = None


class ServiceSpec(Read):
    """The ports of a Service."""

    ports: list[dict[str, Any]] | None = None


class Service(Manifest):
    """A Service."""

    spec: ServiceSpec | None = None


class Secret(Manifest):
    """A Secret: its data are base64."""

    data: dict[str, bytes] | None = None


class ConfigMap(Manifest):
    """A ConfigMap: its binary data are base64."""

    data: dict[str, str] | None = None
    binary_data: dict[str, bytes] | None = None


class Subject(Read):
    """Who has a Role."""

    namespace: str | None = None


class RoleBinding(Manifest):
    """Who has a Role."""

    subjects: list[Subject] | None = None


class Rule(Read):
    """What a Role permits."""

    resources: list[str] | None = None
    verbs: list[str] | None = None


class Role(Manifest):
    """What its holders may do."""

    rules: list[Rule] | None = None


class Variable(Read):
    """A variable of a container."""

    name: str
    value: str | None = None


class Process(Read):
    """A container, and how it is started."""

    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[Variable] | None = None


class PullSecret(Read):
    """Where the credentials for an image are."""

    name: Name


class ProcessSpec(Read):
    """A pod's containers, and how they are started."""

    containers: Annotated[list[Process], Meta(min_length=1)]
    image_pull_secrets: list[PullSecret] | None = None


class ProcessTemplate(Read):
    """A pod that is made, with its labels."""

    spec: ProcessSpec
    metadata: dict[str, Any] | None = None


class DeployedSpec(Read):
    """What is wanted of a Deployment."""

    template: ProcessTemplate
    replicas: Count | None = None


class Deployed(Manifest):
    """A Deployment, and how its containers are started."""

    spec: DeployedSpec


class ScheduledJob(Read):
    """What is wanted of a Job."""

    template: ProcessTemplate


class Scheduled(Read):
    """The Jobs that a CronJob makes."""

    spec: ScheduledJob


class ScheduledSpec(Read):
    """What is wanted of a CronJob."""

    job_template: Scheduled
    suspend: bool | None = None


class ScheduledProcess(Manifest):
    """A CronJob, and how its containers are started."""

    spec: ScheduledSpec

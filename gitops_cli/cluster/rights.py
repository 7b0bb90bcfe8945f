"""Who we are to a cluster, and what we may do there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from msgspec.json import Decoder

from gitops_cli.cluster import schema
from gitops_cli.cluster.api import (
    JOBS,
    NAMESPACES,
    PODS,
    RESOURCES,
    REVIEWS,
    RULES,
    Api,
    Doing,
    Resource,
)
from gitops_cli.domain.cluster.rights import AccessRule, Right
from gitops_cli.domain.errors import GitOpsError
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.web.parallel import attempt_all

_SYSTEM = "kube-system"
_VERSION = Resource("", "version")
_REVIEW = Decoder(schema.Review)
_RULES = Decoder(schema.RulesReview)
_IDENTIFIED = Decoder(schema.Identified)
_VERSIONS = Decoder(schema.Version)
_OTHERS = {"pods": PODS, "jobs": JOBS, "namespaces": NAMESPACES}


class Server(NamedTuple):
    """What a server says of itself; `time` is None where it sends no date."""

    version: str
    time: datetime | None


def review(api: Api, rights: Sequence[Right]) -> list[bool | GitOpsError]:
    """Ask for each right whether we have it (SelfSubjectAccessReview), all at once."""
    return attempt_all(lambda right: _may(api, right), rights)


def _may(api: Api, right: Right) -> bool:
    resource = _resource(right.resource)
    attributes = {"verb": right.verb, "group": resource.group, "resource": resource.plural}
    if right.subresource:
        attributes["subresource"] = right.subresource
    if right.namespace:
        attributes["namespace"] = right.namespace
    if right.name:
        attributes["name"] = right.name
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return api.ask(Doing("create", REVIEWS), _REVIEW, "POST", body=body).status.allowed


def rules(api: Api, namespace: str) -> tuple[AccessRule, ...] | None:
    """Return all that we may do in a namespace; None where the server cannot tell all of it.

    One question for all kinds (SelfSubjectRulesReview). Raises Denied, ClusterError.
    """
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    found = api.ask(Doing("create", RULES), _RULES, "POST", body=body).status
    if found.incomplete:
        return None
    return tuple(
        AccessRule(
            frozenset(rule.verbs),
            frozenset(rule.api_groups or ()),
            frozenset(rule.resources or ()),
            frozenset(rule.resource_names or ()),
        )
        for rule in found.resource_rules or ()
    )


def _resource(resource: Kind | str) -> Resource:
    if isinstance(resource, Kind):
        return RESOURCES[resource]
    known = _OTHERS.get(resource)
    if known is not None:
        return known
    plural, _, group = resource.partition(".")
    return Resource(f"/apis/{group}/v1" if group else "/api/v1", plural)


def cluster_uid(api: Api) -> str:
    """Return what tells clusters apart: the uid of the namespace kube-system. Raises Denied."""
    return api.ask(Doing("get", NAMESPACES, name=_SYSTEM), _IDENTIFIED).metadata.uid


def server(api: Api) -> Server:
    """Return the server's version and its clock; raises ClusterUnreachable."""
    doing = Doing("get", _VERSION)
    response = api.call(doing)
    version = api.decoded(doing, response.body, _VERSIONS).git_version
    return Server(version, _date(response.headers.get("date", "")))


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo is not None else None

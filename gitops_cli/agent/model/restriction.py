"""`--restrict`: an admission policy that leaves the agent images and its own annotations only.

`patch deployments` alone lets its holder run any command in the namespace and mount its Secrets
(facts g). The policy matches every ServiceAccount named like the agent, so one serves a cluster;
each environment has a binding of its own. It needs Kubernetes 1.30.
"""

from __future__ import annotations

from typing import Any

from gitops_cli.agent.model.spec import NAME
from gitops_cli.domain.recorded.environment import Kind

_API = "admissionregistration.k8s.io/v1"
OWN_ANNOTATIONS = (
    "gitops-cli/",
    "kubernetes.io/change-cause",
    "deprecated.daemonset.template.generation",  # the API server counts there by itself
)

# `object` is a map at run time, so its fields can be walked: one that a later Kubernetes adds is
# compared like all others. dyn() keeps the server's type checker from guessing otherwise.
_NOTES = "'annotations' in variables.{0}.metadata ? variables.{0}.metadata.annotations : {{}}"
_VARIABLES = {
    "new": "dyn(object)",
    "old": "dyn(oldObject)",
    "newNotes": _NOTES.format("new"),
    "oldNotes": _NOTES.format("old"),
    # Where the spec leads to the pods: CronJobs have a job template in between.
    "isCronJob": "variables.new.kind == 'CronJob'",
    "way": "variables.isCronJob ? 'jobTemplate' : 'template'",
    "newJob": "variables.isCronJob ? variables.new.spec.jobTemplate : variables.new",
    "oldJob": "variables.isCronJob ? variables.old.spec.jobTemplate : variables.old",
    "newTemplate": "variables.newJob.spec.template",
    "oldTemplate": "variables.oldJob.spec.template",
    "newPod": "variables.newTemplate.spec",
    "oldPod": "variables.oldTemplate.spec",
}
_SERVER_METADATA = ("annotations", "managedFields", "resourceVersion", "generation")


def _same(new: str, old: str, *, but: str) -> str:
    """Return CEL: both maps have the same keys and values, apart from keys `k` for which `but`."""
    return (
        f"{new}.all(k, {but} || (k in {old} && {old}[k] == {new}[k]))"
        f" && {old}.all(k, {but} || k in {new})"
    )


def _named(*keys: str) -> str:
    return "k in [" + ", ".join(f"'{key}'" for key in keys) + "]"


def _same_containers(key: str) -> str:
    new, old = f"variables.newPod.{key}", f"variables.oldPod.{key}"
    pair = (
        f"{new}.all(c, {old}.exists(o, o.name == c.name && {_same('c', 'o', but=_named('image'))}))"
    )
    neither = f"!('{key}' in variables.newPod) && !('{key}' in variables.oldPod)"
    both = f"'{key}' in variables.newPod && '{key}' in variables.oldPod"
    return f"({neither}) || ({both} && {new}.size() == {old}.size() && {pair})"


def _validations() -> dict[str, str]:
    """Return CEL expressions by what the agent may not change."""
    own = " || ".join(f"k.startsWith('{prefix}')" for prefix in OWN_ANNOTATIONS)
    metadata = _same(
        "variables.new.metadata", "variables.old.metadata", but=_named(*_SERVER_METADATA)
    )
    job_metadata = _same("variables.newJob", "variables.oldJob", but=_named("spec"))
    return {
        "its metadata": metadata,
        "annotations of others": _same("variables.newNotes", "variables.oldNotes", but=own),
        "its spec": _same("variables.new.spec", "variables.old.spec", but="k == variables.way"),
        "its jobs": f"!variables.isCronJob || ({job_metadata})",
        "the spec of its jobs": _same(
            "variables.newJob.spec", "variables.oldJob.spec", but=_named("template", "jobTemplate")
        ),
        "the metadata of its pods": _same(
            "variables.newTemplate", "variables.oldTemplate", but=_named("spec")
        ),
        "the spec of its pods": _same(
            "variables.newPod", "variables.oldPod", but=_named("containers", "initContainers")
        ),
        "more of its containers than images": _same_containers("containers"),
        "more of its init containers than images": _same_containers("initContainers"),
    }


def policy() -> dict[str, Any]:
    """Return the policy: the same for every environment of a cluster."""
    from_agent = (
        "request.userInfo.username.startsWith('system:serviceaccount:')"
        f" && request.userInfo.username.endsWith(':{NAME}')"
    )
    return {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    _on(group, [kind.plural for kind in Kind if kind.group == group])
                    for group in dict.fromkeys(kind.group for kind in Kind)
                ]
            },
            "matchConditions": [{"name": "is-the-agent", "expression": from_agent}],
            "variables": [{"name": n, "expression": e} for n, e in _VARIABLES.items()],
            "validations": [
                {"expression": expression, "message": f"{NAME} may not change {what}"}
                for what, expression in _validations().items()
            ],
        },
    }


def binding(environment: str) -> dict[str, Any]:
    """Return the binding that makes the policy hold in one environment's namespace."""
    return {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"{NAME}-{environment}"},
        "spec": {
            "policyName": NAME,
            "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": environment}}
            },
        },
    }


def _on(group: str, resources: list[str]) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": resources,
    }

"""The agent's Kubernetes objects as plain data: the article's design, hardened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitops_cli.agent.model import seed as seeding
from gitops_cli.agent.model.restriction import binding, policy
from gitops_cli.agent.model.rights import role_rules
from gitops_cli.agent.model.spec import (
    KEY_DIRECTORY,
    KEY_SECRET,
    NAME,
    NOTIFY_DIRECTORY,
    NOTIFY_SECRET,
    SIGNERS,
    SIGNERS_DIRECTORY,
    SOPS_DIRECTORY,
    SOPS_KEYS,
    SOPS_SECRET,
    STEPS_DIRECTORY,
    STEPS_SECRET,
    AgentMode,
    AgentSpec,
)
from gitops_cli.domain.manifests.applyset import PARENT, parent
from gitops_cli.domain.names import EnvironmentName

Manifest = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
_LABELS = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": "gitops-cli"}
HEARTBEAT = "/tmp/heartbeat"  # in an emptyDir of the container
_SCRATCH = "/tmp"
_PATIENCE = 300  # seconds a run may take; longer is a hang


def manifests(spec: AgentSpec, *, secret: Mapping[str, bytes] | None = None) -> list[Manifest]:
    """Return the objects in the order in which they must be applied.

    `secret` (file name → content) is the deploy key's Secret; without it the Secret is left out,
    because `agent key` has put it into the cluster already.
    """
    found: list[Manifest] = []
    if spec.namespace not in spec.served:
        found.append(_object("v1", "Namespace", name=spec.namespace))
    found.append(_object("v1", "ServiceAccount", spec.namespace))
    if spec.restrict:
        found.append(_labelled(policy()))
    for environment in spec.environments:
        found += _environment(spec, environment)
    if spec.signers:
        found.append(signers_config(spec.namespace, spec.signers))
    if secret is not None:
        found.append(key_secret(spec.namespace, secret))
    found.append(_cronjob(spec) if spec.mode is AgentMode.CRONJOB else _deployment(spec))
    return found


def _environment(spec: AgentSpec, environment: EnvironmentName) -> Iterable[Manifest]:
    rights = spec.manifests.get(environment)
    rules = role_rules(spec.kinds[environment], spec.features, rights)
    yield {**_object(f"{_RBAC}/v1", "Role", environment), "rules": rules}
    yield {
        **_object(f"{_RBAC}/v1", "RoleBinding", environment),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": spec.namespace}],
    }
    # Without data: what the agent wrote there stays when the agent is installed again.
    yield _object("v1", "ConfigMap", environment)
    if rights is not None:
        yield _stands_for_objects(environment)
    if spec.restrict:
        yield _labelled(binding(environment))


def _stands_for_objects(environment: EnvironmentName) -> Manifest:
    """Return what stands for the environment's objects, which is `sync`'s to fill.

    The agent need not be allowed to make ConfigMaps for it; and it goes with no agent.
    """
    labels = parent(environment, ())["metadata"]["labels"]
    metadata = {"name": PARENT, "namespace": environment, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def key_secret(namespace: str, files: Mapping[str, bytes]) -> Manifest:
    """Return the Secret that holds the deploy key and the pinned host keys."""
    from base64 import b64encode

    data = {name: b64encode(content).decode() for name, content in sorted(files.items())}
    secret = _object("v1", "Secret", namespace, name=KEY_SECRET)
    return {**secret, "type": "Opaque", "data": data}


def signers_config(namespace: str, files: Mapping[str, str]) -> Manifest:
    """Return the ConfigMap that holds the allowed signers: public keys only."""
    config = _object("v1", "ConfigMap", namespace, name=SIGNERS)
    return {**config, "data": dict(sorted(files.items()))}


def _cronjob(spec: AgentSpec) -> Manifest:
    job = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": _PATIENCE + int(spec.step_time.total),
        "template": {
            "metadata": {"labels": _LABELS},
            "spec": {**_pod(spec), "restartPolicy": "Never"},
        },
    }
    return {
        **_object("batch/v1", "CronJob", spec.namespace),
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 30,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"metadata": {"labels": _LABELS}, "spec": job},
        },
    }


def _deployment(spec: AgentSpec) -> Manifest:
    pod, metadata = _pod(spec), {"labels": _LABELS}
    pod["containers"][0]["livenessProbe"] = _liveness(spec)
    if spec.metrics is not None:
        port = {"name": "metrics", "containerPort": spec.metrics, "protocol": "TCP"}
        pod["containers"][0]["ports"] = [port]
        metadata["annotations"] = _scraped(spec.metrics)
    if spec.seed is not None:
        pod["containers"][0]["startupProbe"] = {
            "exec": {"command": ["test", "-e", HEARTBEAT]},
            "periodSeconds": 5,
            "failureThreshold": _PATIENCE // 5,
        }
    return {
        **_object("apps/v1", "Deployment", spec.namespace),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "template": {
                "metadata": metadata,
                "spec": {**pod, "terminationGracePeriodSeconds": 30},
            },
        },
    }


def _scraped(port: int) -> dict[str, str]:
    """Return what tells a Prometheus that looks for pods by annotations, as its chart does."""
    words = {"scrape": "true", "port": str(port), "path": "/metrics"}
    return {f"prometheus.io/{key}": value for key, value in words.items()}


def _liveness(spec: AgentSpec) -> Manifest:
    """Return a probe that fails when no round was finished for long: the process hangs.

    A step's program may say nothing for as long as it may take.
    """
    minutes = (_PATIENCE + 2 * spec.interval + int(spec.step_time.longest)) // 60 + 1
    fresh = f'test -n "$(find {HEARTBEAT} -mmin -{minutes})"'
    return {
        "exec": {"command": ["sh", "-c", fresh]},
        "initialDelaySeconds": 30,
        "periodSeconds": 30,
        "timeoutSeconds": 5,
    }


def _pod(spec: AgentSpec) -> Manifest:
    volumes, mounts = _volumes(spec)
    pod: Manifest = {
        "serviceAccountName": NAME,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": spec.uid,
            "runAsGroup": spec.uid,
            "fsGroup": spec.uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, mounts)],
        "volumes": volumes,
    }
    if spec.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in spec.pull_secrets]
    return pod


def _container(spec: AgentSpec, mounts: list[Manifest]) -> Manifest:
    arguments = run_arguments(spec)
    seeded = spec.seed is not None
    environment = {"HOME": _SCRATCH, "XDG_CACHE_HOME": f"{_SCRATCH}/cache"}
    if spec.seed is not None:
        environment |= seeding.variables(spec.seed)
    if spec.applies:
        environment["SOPS_AGE_KEY_FILE"] = f"{SOPS_DIRECTORY}/{SOPS_KEYS}"
    return {
        "name": NAME,
        "image": spec.image,
        "command": seeding.command(arguments) if seeded else ["gitops", *arguments],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "50m", "memory": "96Mi"},
            "limits": {"cpu": "1", "memory": _memory(spec)},
        },
        "volumeMounts": mounts,
    }


def _memory(spec: AgentSpec) -> str:
    # Programs that render and decrypt are larger than the agent itself, and OpenTofu is more so.
    if spec.steps:
        return "1Gi"
    return "512Mi" if spec.seed is not None or spec.applies else "256Mi"


def run_arguments(spec: AgentSpec) -> list[str]:
    """Return the command line of the agent's process."""
    arguments = ["agent", "run", f"--repo={spec.url}"]
    arguments += [f"--env={environment}" for environment in spec.served]
    if spec.branch is not None:
        arguments.append(f"--branch={spec.branch}")
    if spec.mode is AgentMode.CONTROLLER:
        arguments += [f"--interval={spec.interval}s", f"--heartbeat={HEARTBEAT}"]
        if spec.metrics is not None:
            arguments.append(f"--metrics=0.0.0.0:{spec.metrics}")
    if spec.signers:
        arguments.append(f"--require-signed={SIGNERS_DIRECTORY}")
    arguments += [f"--images-only={environment}" for environment in spec.images_only]
    arguments += [f"--steps={name}={digest}" for name, digest in sorted(spec.steps.items())]
    return arguments


def _volumes(spec: AgentSpec) -> tuple[list[Manifest], list[Manifest]]:
    """Return the pod's volumes and the container's mounts of them."""
    # Optional: a repository over https needs no key; ssh without one says so itself.
    key = {"secretName": KEY_SECRET, "defaultMode": 0o400, "optional": True}
    notify = {"secretName": NOTIFY_SECRET, "defaultMode": 0o400, "optional": True}
    # Providers of OpenTofu are of some hundred megabytes each.
    scratch = "4Gi" if spec.steps else "1Gi" if spec.seed is not None else "256Mi"
    volumes: list[Manifest] = [
        {"name": "key", "secret": key},
        {"name": "notify", "secret": notify},
        {"name": "scratch", "emptyDir": {"sizeLimit": scratch}},
    ]
    mounts: list[Manifest] = [
        {"name": "key", "mountPath": KEY_DIRECTORY, "readOnly": True},
        {"name": "notify", "mountPath": NOTIFY_DIRECTORY, "readOnly": True},
        {"name": "scratch", "mountPath": _SCRATCH, "subPath": "tmp"},
    ]
    if spec.seed is not None:
        mounts.append({"name": "scratch", "mountPath": seeding.DIRECTORY, "subPath": "seed"})
    if spec.applies:
        age = {"secretName": SOPS_SECRET, "defaultMode": 0o400, "optional": True}
        volumes.append({"name": "sops", "secret": age})
        mounts.append({"name": "sops", "mountPath": SOPS_DIRECTORY, "readOnly": True})
    if spec.steps:
        given = {"secretName": STEPS_SECRET, "defaultMode": 0o400, "optional": True}
        volumes.append({"name": "steps", "secret": given})
        mounts.append({"name": "steps", "mountPath": STEPS_DIRECTORY, "readOnly": True})
    if spec.signers:
        volumes.append({"name": "signers", "configMap": {"name": SIGNERS}})
        mounts.append({"name": "signers", "mountPath": SIGNERS_DIRECTORY, "readOnly": True})
    return volumes, mounts


def identity(manifest: Mapping[str, Any]) -> tuple[str, str | None, str]:
    """Return kind, namespace (None for an object of the whole cluster) and name."""
    metadata = manifest["metadata"]
    return str(manifest["kind"]), metadata.get("namespace"), str(metadata["name"])


def _object(api: str, kind: str, namespace: str | None = None, *, name: str = NAME) -> Manifest:
    metadata: Manifest = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": {**metadata, "labels": _LABELS}}


def _labelled(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "labels": _LABELS}}

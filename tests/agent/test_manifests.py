"""The agent's objects on the real API server: accepted, and no right more than they name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from gitops_cli.agent.model.manifests import manifests
from gitops_cli.agent.model.spec import KEY_SECRET, NAME, AgentMode, Feature, Seed
from gitops_cli.agent.view import manifests_yaml
from gitops_cli.domain.recorded.environment import Kind
from gitops_cli.operations.shell_agent import shell_agent
from tests.agent.world import apply, spec_of
from tests.testbed.controlplane import ControlPlane
from tests.testbed.kube import ApiError, Kube, with_token
from tests.testbed.manifests import deployment, workload
from tests.testbed.patience import eventually
from tests.testbed.rollouts import install_rollouts

GOOD = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"
NEW = "8f14e45fceea167a5a36dedd4bea2543f8e1a4b2"
KEY = {"identity": b"a private key", "known_hosts": b"git.example.com ssh-ed25519 AAAA\n"}


@pytest.fixture
def agent(control_plane: ControlPlane, kube: Kube, namespace: str) -> Iterator[Kube]:
    """Return a client with the token of an agent that is installed in the namespace."""
    apply(kube, manifests_yaml(manifests(spec_of(namespace), secret=KEY)))
    with closing(with_token(control_plane, kube.token(namespace, NAME))) as client:
        yield client


@pytest.mark.parametrize("mode", AgentMode)
@pytest.mark.parametrize("seeded", [False, True], ids=["baked", "seeded"])
def test_the_api_server_takes_what_is_printed(
    control_plane: ControlPlane, kube: Kube, namespace: str, mode: AgentMode, seeded: bool
) -> None:
    seed = Seed(["gitops-cli==1.0"], "https://packages.example.com/simple", "deb x y z")
    wanted = spec_of(
        namespace,
        mode=mode,
        seed=seed if seeded else None,
        signers={"allowed_signers": "x"},
        kinds=set(Kind),
    )

    said = apply(kube, manifests_yaml(manifests(wanted, secret=KEY)))

    kind = "CronJob" if mode is AgentMode.CRONJOB else "Deployment"
    made = kube.get(kind, namespace, NAME)
    assert set(said) == {"created"}
    assert {"unchanged"} == set(apply(kube, manifests_yaml(manifests(wanted, secret=KEY))))
    pod = made["spec"].get("jobTemplate", made)["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    try_strictest(kube, namespace, pod)


def test_the_shell_agents_pod_is_as_careful(kube: Kube, namespace: str) -> None:
    url = "ssh://git@git.example.com/acme/environments-state.git"
    apply(kube, shell_agent([namespace], url)[f"sync-agent/{namespace}.yaml"])

    job = kube.get("CronJob", namespace, "sync-agent")["spec"]["jobTemplate"]["spec"]
    try_strictest(kube, namespace, job["template"]["spec"])


def try_strictest(kube: Kube, namespace: str, pod: dict[str, Any]) -> None:
    """Let the API server judge a pod by the strictest of the Pod Security Standards."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    kube.patch("Namespace", None, namespace, {"metadata": {"labels": label}})
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": pod}
    target = f"/api/v1/namespaces/{namespace}/pods"
    careless = {**body, "spec": {**pod, "securityContext": {}}}

    def is_judged() -> bool:
        try:
            kube.request("POST", target, careless, dryRun="All")
        except ApiError as error:
            return error.code == 403
        return False

    eventually(is_judged)  # the API server learns of a namespace's labels a moment later
    assert kube.request("POST", target, body, dryRun="All")["kind"] == "Pod"


def test_the_cronjob_is_the_articles(
    control_plane: ControlPlane, kube: Kube, namespace: str
) -> None:
    apply(kube, manifests_yaml(manifests(spec_of(namespace))))

    made = kube.get("CronJob", namespace, NAME)["spec"]
    assert (made["schedule"], made["concurrencyPolicy"]) == ("* * * * *", "Forbid")
    assert made["startingDeadlineSeconds"] == 30
    assert made["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert made["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert not kube.exists("Secret", namespace, KEY_SECRET)


def test_the_status_survives_a_second_installation(
    control_plane: ControlPlane, kube: Kube, namespace: str
) -> None:
    yaml = manifests_yaml(manifests(spec_of(namespace)))
    apply(kube, yaml)
    kube.patch("ConfigMap", namespace, NAME, {"data": {"commit": GOOD}})

    apply(kube, yaml)

    assert kube.get("ConfigMap", namespace, NAME)["data"] == {"commit": GOOD}


def refused(call: Any, *arguments: Any, **more: Any) -> int:
    with pytest.raises(ApiError) as caught:
        call(*arguments, **more)
    return caught.value.code


def test_the_token_reaches_its_own_workloads_and_nothing_else(
    agent: Kube, kube: Kube, namespace: str
) -> None:
    kube.create(deployment("web", f"r/web:{GOOD}"), namespace)

    eventually(lambda: agent.find("Deployment", namespace))
    agent.set_image("Deployment", namespace, "web", "web", f"r/web:{NEW}")
    agent.patch("ConfigMap", namespace, NAME, {"data": {"commit": NEW}})
    assert agent.pods(namespace) is not None

    assert refused(agent.find, "Secret", namespace) == 403
    assert refused(agent.get, "Secret", namespace, KEY_SECRET) == 403
    assert refused(agent.find, "Deployment", "default") == 403
    assert refused(agent.find, "Deployment") == 403
    assert refused(agent.find, "StatefulSet", namespace) == 403
    assert refused(agent.get, "ConfigMap", namespace, "kube-root-ca.crt") == 403
    assert refused(agent.find, "ConfigMap", namespace) == 403
    assert refused(agent.delete, "Deployment", namespace, "web") == 403
    assert refused(agent.create, deployment("more", "r/more:1"), namespace) == 403


def test_features_are_rights_one_by_one(
    control_plane: ControlPlane, kube: Kube, namespace: str
) -> None:
    bare = spec_of(namespace, features=frozenset())
    apply(kube, manifests_yaml(manifests(bare)))
    with closing(with_token(control_plane, kube.token(namespace, NAME))) as client:
        assert refused(client.pods, namespace) == 403

        told_why = spec_of(namespace, features=frozenset({Feature.REASONS}))
        apply(kube, manifests_yaml(manifests(told_why)))

        assert client.pods(namespace) == []


@pytest.fixture
def restricted(control_plane: ControlPlane, kube: Kube, namespace: str) -> Iterator[Kube]:
    """Return a client with the token of an agent that the policy restricts."""
    install_rollouts(kube)
    kinds = frozenset(Kind)
    yaml = manifests_yaml(manifests(spec_of(namespace, restrict=True, kinds=kinds)))
    apply(kube, yaml)
    kube.create(deployment("canary", "r/canary:1"), namespace)
    with closing(with_token(control_plane, kube.token(namespace, NAME))) as client:
        # The API server compiles a new policy within a second or so.
        seconds = itertools.count(1)  # a change each time: the policy may let a no-op through
        eventually(lambda: _is_restricted(client, namespace, next(seconds)))
        yield client


def _is_restricted(client: Kube, namespace: str, seconds: int) -> bool:
    try:
        client.patch("Deployment", namespace, "canary", {"spec": {"minReadySeconds": seconds}})
    except ApiError as error:
        return "may not change" in str(error)
    return False


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_restricted_it_changes_images_and_its_own_annotations(
    restricted: Kube, kube: Kube, namespace: str, kind: str
) -> None:
    images = {"app": f"r/app:{GOOD}", "side": "r/side:1"}
    kube.create(workload(kind, "app", images, init={"migrate": f"r/app:{GOOD}"}), namespace)
    way = "/spec/jobTemplate/spec/template/spec" if kind == "CronJob" else "/spec/template/spec"
    patch = [
        {"op": "replace", "path": f"{way}/containers/0/image", "value": f"r/app:{NEW}"},
        {"op": "replace", "path": f"{way}/initContainers/0/image", "value": f"r/app:{NEW}"},
    ]

    restricted.patch(kind, namespace, "app", patch)
    notes = {"gitops-cli/commit": NEW, "kubernetes.io/change-cause": "app 36a03b3 → 8f14e45"}
    restricted.annotate(kind, namespace, "app", **notes)
    restricted.annotate(kind, namespace, "app", **{"gitops-cli/commit": None})

    made = kube.get(kind, namespace, "app")
    assert made["metadata"]["annotations"]["kubernetes.io/change-cause"].startswith("app")


def container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", **fields}]}}}}


FORBIDDEN = {
    "command": container(command=["sh", "-c", "cat /var/run/secrets/*"]),
    "args": container(args=["--debug"]),
    "envFrom": container(envFrom=[{"secretRef": {"name": "passwords"}}]),
    "env": container(env=[{"name": "X", "value": "1"}]),
    "security context": container(securityContext={"runAsUser": 0}),
    "pull policy": container(imagePullPolicy="Always"),
    "another container": {
        "spec": {"template": {"spec": {"containers": [{"name": "more", "image": "r/more:1"}]}}}
    },
    "an init container": {
        "spec": {"template": {"spec": {"initContainers": [{"name": "more", "image": "r/more:1"}]}}}
    },
    "a volume": {
        "spec": {
            "template": {
                "spec": {"volumes": [{"name": "v", "secret": {"secretName": "passwords"}}]}
            }
        }
    },
    "the account": {"spec": {"template": {"spec": {"serviceAccountName": "default"}}}},
    "the host's network": {"spec": {"template": {"spec": {"hostNetwork": True}}}},
    "the pods' labels": {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}},
    "the pods' annotations": {"spec": {"template": {"metadata": {"annotations": {"x": "y"}}}}},
    "replicas": {"spec": {"replicas": 0}},
    "labels": {"metadata": {"labels": {"x": "y"}}},
    "finalizers": {"metadata": {"finalizers": ["example.com/x"]}},
    "annotations of others": {"metadata": {"annotations": {"example.com/x": "y"}}},
    "removed annotations": {"metadata": {"annotations": {"example.com/kept": None}}},
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_restricted_it_changes_nothing_else(
    restricted: Kube, kube: Kube, namespace: str, what: str
) -> None:
    kept = {"example.com/kept": "1"}
    kube.create(deployment("app", f"r/app:{GOOD}", annotations=kept), namespace)
    before = kube.get("Deployment", namespace, "app")["spec"]

    with pytest.raises(ApiError, match="gitops-agent may not change") as caught:
        restricted.patch("Deployment", namespace, "app", FORBIDDEN[what], strategic=True)

    assert caught.value.code == 422
    assert kube.get("Deployment", namespace, "app")["spec"] == before


@pytest.mark.parametrize("kind", [kind.value for kind in Kind])
def test_restricted_no_kind_gets_another_command(
    restricted: Kube, kube: Kube, namespace: str, kind: str
) -> None:
    kube.create(workload(kind, "app", f"r/app:{GOOD}"), namespace)
    way = "/spec/jobTemplate/spec/template/spec" if kind == "CronJob" else "/spec/template/spec"
    patch = [{"op": "add", "path": f"{way}/containers/0/command", "value": ["sh"]}]

    assert refused(restricted.patch, kind, namespace, "app", patch) == 422


def test_restricted_a_cronjob_keeps_its_command(
    restricted: Kube, kube: Kube, namespace: str
) -> None:
    kube.create(workload("CronJob", "app", f"r/app:{GOOD}"), namespace)

    def patch(spec: dict[str, Any]) -> int:
        return refused(
            restricted.patch, "CronJob", namespace, "app", {"spec": spec}, strategic=True
        )

    assert patch({"schedule": "* * * * *"}) == 422
    assert patch({"jobTemplate": {"metadata": {"labels": {"x": "y"}}}}) == 422
    assert patch({"jobTemplate": {"spec": {"backoffLimit": 6}}}) == 422
    assert patch({"jobTemplate": container(command=["sh"])}) == 422


def test_the_policy_binds_the_agent_only(restricted: Kube, kube: Kube, namespace: str) -> None:
    kube.create(deployment("app", f"r/app:{GOOD}"), namespace)

    kube.patch("Deployment", namespace, "app", {"spec": {"replicas": 0}})

    assert kube.get("Deployment", namespace, "app")["spec"]["replicas"] == 0
    assert kube.get("ValidatingAdmissionPolicy", None, NAME)["status"].get("typeChecking") in (
        None,
        {},
    )

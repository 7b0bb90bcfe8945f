"""Objects held against the fields that Kubernetes has, and that the API server agrees."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from gitops_cli.domain.manifests.objects import Sourced, parse_objects
from gitops_cli.domain.manifests.schema import Fault, faults
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.findings import Severity
from gitops_cli.manifests.shipped import shipped_schema
from gitops_cli.plain_yaml import line_of
from tests.testbed import openapi
from tests.testbed.kube import ApiError, Kube
from tests.testbed.manifests import deployment, workload

SPACE = EnvironmentName("shop-dev")
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "labels": {"a": "b"}},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "disk"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def found(content: dict[str, Any]) -> list[Fault]:
    parsed = parse_objects([Sourced("a.yaml", 1, content)], SPACE)
    assert not parsed.findings
    return list(faults(parsed.objects[0], shipped_schema()))


def changed(content: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return an object with a field that is set, or (None) taken away."""
    made: Any = deepcopy(content)
    *way, last = path.split("/")
    inner = made
    for word in way:
        inner = inner[int(word)] if isinstance(inner, list) else inner.setdefault(word, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return made


CONTAINER = "spec/template/spec/containers/0"
WEB = deployment("web", "web")
WRONG = {
    "unknown": (WEB, f"{CONTAINER}/imge", "x", f"{CONTAINER}/imge", "did you mean `image`?"),
    "misplaced": (WEB, "spec/resources", {}, "spec/resources", None),
    "text": (WEB, "spec/replicas", "two", "spec/replicas", None),
    "number": (
        WEB,
        f"{CONTAINER}/env",
        [{"name": "A", "value": 1}],
        f"{CONTAINER}/env/0/value",
        "put it in quotes",
    ),
    "boolean": (WEB, "spec/paused", "yes", "spec/paused", None),
    "list": (WEB, f"{CONTAINER}/args", "run", f"{CONTAINER}/args", None),
    "name": (WEB, "metadata/name", "Web_1", "metadata/name", None),
    "mapping": (SERVICE, "spec/selector", ["web"], "spec/selector", None),
    "missing": (WEB, "spec/selector", None, "spec", None),
    "enumeration": (
        WEB,
        f"{CONTAINER}/imagePullPolicy",
        "Allways",
        f"{CONTAINER}/imagePullPolicy",
        "did you mean `Always`?",
    ),
}
RIGHT = {
    "a Deployment": (WEB, "spec/minReadySeconds", 1),
    "a port's name": (SERVICE, "spec/ports/0/targetPort", 8080),
    "a quantity": (CLAIM, "spec/resources/requests/storage", 1024),
    "a limit": (WEB, f"{CONTAINER}/resources", {"limits": {"cpu": 0.5, "memory": "1Gi"}}),
    "a CronJob": (workload("CronJob", "web", "web"), "spec/suspend", True),
}


def api(content: dict[str, Any], namespace: str) -> str:
    group, plural = content["apiVersion"], f"{content['kind'].lower()}s"
    return f"/{'apis' if '/' in group else 'api'}/{group}/namespaces/{namespace}/{plural}"


def takes(kube: Kube, namespace: str, content: dict[str, Any]) -> bool:
    """Tell whether the API server takes an object, fields and all."""
    path = api(content, namespace)
    try:
        kube.request("POST", path, content, dryRun="All", fieldValidation="Strict")
    except ApiError as error:
        if error.code not in (400, 422):
            raise
        return False
    else:
        return True


@pytest.mark.parametrize("name", WRONG)
def test_what_the_server_refuses_is_found_with_its_field(
    name: str, kube: Kube, namespace: str
) -> None:
    content, path, value, where, hint = WRONG[name]
    made = changed(content, path, value)

    [fault] = found(made)

    assert "/".join(map(str, fault.path)) == where
    assert fault.hint == hint
    assert not takes(kube, namespace, made)


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_server_takes_is_no_fault(name: str, kube: Kube, namespace: str) -> None:
    made = changed(*RIGHT[name])

    assert found(made) == []
    assert takes(kube, namespace, made)


def test_what_stands_twice_is_found_as_server_side_apply_refuses_it(
    kube: Kube, namespace: str
) -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]
    made = changed(WEB, f"{CONTAINER}/env", twice)

    [fault] = found(made)

    assert (fault.field, fault.message) == (
        "spec.template.spec.containers[0].env[2]",
        "stands there twice (name: `A`)",
    )
    assert takes(kube, namespace, made), "as `kubectl create` makes it"
    with pytest.raises(ApiError, match="duplicate entries for key"):
        kube.request(
            "PATCH",
            f"{api(made, namespace)}/web",
            made,
            content_type="application/apply-patch+yaml",
            fieldManager="gitops",
        )


def test_ports_are_told_apart_by_their_protocols_too() -> None:
    dns = [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]
    assert found(changed(SERVICE, "spec/ports", dns)) == []
    [fault] = found(changed(SERVICE, "spec/ports", [*dns, {"port": 53, "protocol": "TCP"}]))
    assert fault.message == "stands there twice (port: `53`, protocol: `TCP`)"


def test_the_values_of_secrets_are_not_shown() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "immutable": "hush"}
    [fault] = found(secret)
    assert fault.message == "a value stands where true or false belongs"


def test_another_version_of_a_kind_is_a_warning_and_a_foreign_kind_nothing() -> None:
    old = {"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}
    [fault] = found(old | {"metadata": {"name": "web"}, "spec": {"x": 1}})
    assert fault.severity is Severity.WARNING
    assert "it has autoscaling/v1 and autoscaling/v2" in fault.message
    foreign = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
    assert found(foreign | {"anything": 1}) == []


def test_many_faults_of_one_object_are_enough() -> None:
    made = changed(WEB, "spec/a", 1)
    made["spec"] |= {f"x{number}": 1 for number in range(50)}
    assert len(found(made)) == 20


def test_the_shipped_file_is_what_the_server_says(kube: Kube) -> None:
    told = openapi.packed(openapi.described(kube))
    assert openapi.FILE.read_bytes() == told, "python -m tests.testbed.openapi KUBECONFIG writes it"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("b",), 3),
        (("b", 1, "c"), 5),
        (("b", 1), 5),
        (("d", "e"), 7),
        (("d", "none"), None),
    ],
)
def test_a_field_has_its_line(path: tuple[str | int, ...], line: int | None) -> None:
    text = b"a: 1\n---\nb:\n  - c: 1\n  - c: 2\nd:\n  e: {f: [1]}\n"
    assert line_of(text, 3, path) == line

"""`gitops sync` where admission has a say in what is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.synced import services
from tests.testbed.kube import ApiError, Kube
from tests.testbed.patience import eventually

GROUP = "admissionregistration.k8s.io/v1"
PINNED = f"{image('web', NEW)}@sha256:{'a' * 64}"


@dataclass
class Admission:
    """Policies for the Deployments of one namespace."""

    kube: Kube
    namespace: str
    _made: list[str] = field(default_factory=list)

    def mutates(self, wanted: str) -> None:
        """Put an image into every Deployment that is changed."""
        expression = (
            '[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", '
            f'value: "{wanted}"}}]'
        )
        mutation = {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}
        self._install("Mutating", {"reinvocationPolicy": "Never", "mutations": [mutation]})
        eventually(lambda: self._probe() == wanted)

    def refuses(self, why: str) -> None:
        """Answer 403 to every change of an image."""
        rule = {"expression": "false", "message": why, "reason": "Forbidden"}
        self._install("Validating", {"validations": [rule]}, {"validationActions": ["Deny"]})
        eventually(lambda: self._probe() is None)

    def end(self) -> None:
        """Take it all away."""
        for path in self._made:
            self.kube.request("DELETE", path)

    def _install(
        self, sort: str, rules: dict[str, Any], binding: dict[str, Any] | None = None
    ) -> None:
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"]}
        constraints = {
            "resourceRules": [rule | {"resources": ["deployments"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}},
        }
        name = f"{sort.lower()}-{self.namespace}"
        spec = {"matchConstraints": constraints, "failurePolicy": "Fail", **rules}
        self._create(f"{sort}AdmissionPolicy", "policies", name, spec)
        bound = {"policyName": name, **(binding or {})}
        self._create(f"{sort}AdmissionPolicyBinding", "policybindings", name, bound)

    def _create(self, kind: str, plural: str, name: str, spec: dict[str, Any]) -> None:
        collection = f"/apis/{GROUP}/{kind.partition('Policy')[0].lower()}{plural}"
        manifest = {"apiVersion": GROUP, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.kube.request("POST", collection, manifest)
        self._made.append(f"{collection}/{name}")

    def _probe(self) -> str | None:
        """Return what becomes of an image, None if it is refused."""
        path = "/spec/template/spec/containers/0/image"
        change = [{"op": "replace", "path": path, "value": "probe:1"}]
        try:
            answer = self.kube.patch("Deployment", self.namespace, "web", change, dryRun="All")
        except ApiError:
            return None
        return str(answer["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def admission(kube: Kube, behind: Live) -> Iterator[Admission]:
    """Return what sets rules for the namespace's Deployments."""
    found = Admission(kube, behind.namespace)
    yield found
    found.end()


def generation(live: Live) -> int:
    found: int = live.kube.get("Deployment", live.namespace, "web")["metadata"]["generation"]
    return found


def test_a_patch_that_does_not_stick_is_reported_and_not_repeated(
    behind: Live, admission: Admission
) -> None:
    admission.mutates(image("web", OLD))
    done = behind.sync()
    assert done.code == 1
    assert "reverted" in done.stdout
    assert behind.rows()["web"]["reason"] == "admission changed the image that was patched in"
    before = generation(behind)
    again = behind.sync()
    assert again.code == 1
    assert "not tried again" in again.stdout
    assert generation(behind) == before


def test_a_digest_that_admission_adds_to_our_tag_is_our_image(
    behind: Live, admission: Admission
) -> None:
    admission.mutates(PINNED)
    done = behind.sync("--wait", "-o", "json").ok()
    web = services(done.json())["web"]
    assert (web["action"], web["rollout"]) == ("patched", "ready")
    assert behind.image_of("web") == PINNED
    before = generation(behind)
    assert services(behind.sync("-o", "json").ok().json())["web"]["action"] == "unchanged"
    assert generation(behind) == before
    assert behind.rows()["web"]["state"] == "digest"


def test_a_tag_that_a_policy_resolves_to_a_digest_alone_is_our_image(
    behind: Live, admission: Admission
) -> None:
    """sigstore's policy-controller does so, in workloads and in pods."""
    alone = f"{image('web', NEW).partition(':')[0]}@sha256:{'a' * 64}"
    admission.mutates(alone)
    done = behind.sync("--wait", "-o", "json").ok()
    web = services(done.json())["web"]
    assert (web["action"], web["rollout"]) == ("patched", "ready")
    assert behind.image_of("web") == alone
    before = generation(behind)
    assert services(behind.sync("-o", "json").ok().json())["web"]["action"] == "unchanged"
    assert generation(behind) == before
    row = behind.rows()["web"]
    assert (row["state"], row["recorded"]) == ("digest", f"{image('web', NEW)}@sha256:{'a' * 64}")


def test_a_rule_that_refuses_is_not_taken_for_a_missing_right(
    behind: Live, admission: Admission
) -> None:
    admission.refuses("images must be signed")
    done = behind.sync()
    assert done.code == 4
    assert "images must be signed" in done.stderr
    assert "a Role must grant" not in done.stderr
    assert "a rule of the cluster" in done.stderr
    assert behind.image_of("web") == image("web", OLD)

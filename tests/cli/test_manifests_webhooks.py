"""Manifests where webhooks change or refuse what is applied: real ones, asked by the API server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.live import NEW, OLD, Live, image
from tests.cli.manifested import Object, actions, apply_as, config_map, objects_of, record, states
from tests.testbed.manifests import deployment
from tests.testbed.webhook import MutatingWebhook

Patch = list[dict[str, Any]]


def defaults(found: dict[str, Any]) -> Patch:
    """Fill in what is not said, as a defaulting webhook does."""
    if found["kind"] == "ConfigMap":
        data = found.setdefault("data", {})
        return [] if "region" in data else [add("/data", {**data, "region": "eu"})]
    pod = found["spec"]["template"]["spec"]
    alias = {"ip": "10.0.0.1", "hostnames": ["proxy"]}
    return [] if "hostAliases" in pod else [add("/spec/template/spec/hostAliases", [alias])]


def mutates(found: dict[str, Any]) -> Patch:
    """Have its own way, as a mutating webhook does: a value of ours, and a sidecar."""
    if found["kind"] == "ConfigMap":
        data = found.get("data") or {}
        return [add("/data/level", "quiet")] if "level" in data else []
    containers = found["spec"]["template"]["spec"]["containers"]
    if any(one["name"] == "mesh" for one in containers):
        return []
    mesh = {"name": "mesh", "image": "registry.example.com/mesh:1"}
    return [add("/spec/template/spec/containers/-", mesh)]


def add(path: str, value: object) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


@pytest.fixture
def hooks(live: Live, tmp_path: Path) -> Iterator[list[MutatingWebhook]]:
    """Return two webhooks that the API server asks about the namespace, one after the other."""
    with ExitStack() as stack:
        made = [
            MutatingWebhook(live.kube, live.namespace, tmp_path / name, change, prefix=name)
            for name, change in (("defaults", defaults), ("mutates", mutates))
        ]
        yield [stack.enter_context(one) for one in made]


def versions(live: Live) -> dict[str, str]:
    """Return the versions of the objects that are applied: they rise with every write."""
    found = [
        *live.kube.find("Deployment", live.namespace),
        *live.kube.find("ConfigMap", live.namespace),
    ]
    return {
        one["metadata"]["name"]: one["metadata"].get(
            "generation", one["metadata"]["resourceVersion"]
        )
        for one in found
        if one["metadata"]["name"] in ("web", "settings")
    }


def test_what_webhooks_change_is_no_drift_and_stays(
    live: Live, hooks: list[MutatingWebhook]
) -> None:
    wanted = (deployment("web", "web"), config_map("settings", level="loud", mode="fast"))
    record(live, *wanted, web=OLD)

    live.sync("--wait").ok()

    for look in (live.diff(), live.sync("--dry-run=server"), live.diff()):
        look.ok()
    before, writes = versions(live), [hook.writes for hook in hooks]
    for _ in range(3):
        assert set(actions(live).values()) == {"in-sync"}
    assert (versions(live), [hook.writes for hook in hooks]) == (before, writes), "no endless drift"
    data = live.kube.get("ConfigMap", live.namespace, "settings")["data"]
    assert data == {"level": "quiet", "mode": "fast", "region": "eu"}

    record(live, wanted[0], config_map("settings", level="loud", mode="slow"), web=NEW)
    patch = objects_of(live.diff("-o", "json"))["ConfigMap/settings"]["patch"]
    assert patch == [{"op": "replace", "path": "/data/mode", "value": "slow"}]
    live.sync("--wait").ok()
    live.diff().ok()
    pod = live.kube.get("Deployment", live.namespace, "web")["spec"]["template"]["spec"]
    assert {one["name"]: one["image"] for one in pod["containers"]} == {
        "web": image("web", NEW),
        "mesh": "registry.example.com/mesh:1",
    }
    assert pod["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["proxy"]}]


def test_a_defaulted_field_that_somebody_else_takes_is_theirs(
    live: Live, hooks: list[MutatingWebhook]
) -> None:
    record(live, config_map("settings", mode="fast"))
    live.sync().ok()

    apply_as(live, "their-controller", config_map("settings", region="us"))

    assert states(live) == {"ConfigMap/settings": "in-sync"}
    live.sync().ok()
    data = live.kube.get("ConfigMap", live.namespace, "settings")["data"]
    assert data == {"mode": "fast", "region": "us"}


def account(**labels: str) -> Object:
    metadata = {"name": "runner", "labels": labels}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def test_a_webhook_that_is_down_is_named_and_keeps_nothing_else_back(
    live: Live, hooks: list[MutatingWebhook]
) -> None:
    record(live, config_map("settings", mode="fast"), account(team="one"))
    live.sync().ok()
    hooks[0].stop()
    record(live, config_map("settings", mode="slow"), account(team="two"))

    for ran in (live.diff(), live.sync()):
        assert ran.code == 5
        [line] = [text for text in ran.stdout.splitlines() if hooks[0].name in text]
        assert line.startswith("configmap/settings")
        assert "failed calling webhook" in line
        assert "an admission webhook of the cluster does not answer" in ran.stdout

    labels = live.kube.get("ServiceAccount", live.namespace, "runner")["metadata"]["labels"]
    assert labels["team"] == "two"
    data = live.kube.get("ConfigMap", live.namespace, "settings")["data"]
    assert data["mode"] == "fast"


def test_where_a_webhook_that_is_down_keeps_the_inventory_back_nothing_is_begun(
    live: Live, hooks: list[MutatingWebhook]
) -> None:
    """What is applied and stands in no inventory would never be pruned."""
    record(live, config_map("settings", mode="fast"), account())
    hooks[0].stop()

    done = live.sync()

    assert done.code == 5
    [line] = [text for text in done.stderr.splitlines() if hooks[0].name in text]
    assert "cannot patch configmaps gitops-manifests" in line
    assert set(actions(live).values()) == {"not-tried"}
    assert not live.kube.exists("ServiceAccount", live.namespace, "runner")

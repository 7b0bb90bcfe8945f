"""Reading and patching: how many requests, what failures mean, and what is tried again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops_cli.cluster import reading
from gitops_cli.cluster.connection import KubernetesCluster
from gitops_cli.cluster.parse import parse_list
from gitops_cli.domain.errors import (
    ClusterError,
    Denied,
    GitOpsError,
    TimedOut,
)
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.imagepatch import ImagePatch, Moved, Patched, Stamp
from gitops_cli.domain.names import EnvironmentName, ServiceName
from gitops_cli.domain.repository import Kind
from gitops_cli.domain.rights import Right
from gitops_cli.domain.workload import Observed, Target, Workload
from tests.cluster.conftest import Connected
from tests.testbed.controlplane import ControlPlane
from tests.testbed.faults import Answer, ApiProxy, Cut, Hang, Meanwhile, Trickle
from tests.testbed.kube import Kube, write_kubeconfig
from tests.testbed.manifests import deployment, workload
from tests.testbed.tcp import TcpProxy

COMMIT = "c" * 40


def observed(
    cluster: KubernetesCluster, namespace: str, *kinds: Kind, pods: bool = False
) -> Observed:
    target = Target(EnvironmentName(namespace), frozenset(kinds or {Kind.DEPLOYMENT}), pods)
    [found] = cluster.observe([target]).values()
    return found


def read(cluster: KubernetesCluster, namespace: str, kind: Kind = Kind.DEPLOYMENT) -> Workload:
    seen = observed(cluster, namespace, kind)
    for error in seen.errors.values():
        raise error
    found = seen.workload(kind, ServiceName("web"))
    assert found is not None
    return found


def patch_of(was: Workload, image: str = "r/web:2") -> ImagePatch:
    stamp = Stamp(COMMIT, "2026-11-23T00:00:00Z", "ada")
    return ImagePatch(was, was.containers, parse_image(image), stamp)


def sent(
    cluster: KubernetesCluster, patch: ImagePatch, *, dry_run: bool = False
) -> Patched | Moved | GitOpsError:
    heard: list[Patched | Moved | GitOpsError] = []
    cluster.patch([patch], dry_run=dry_run, done=lambda _, result: heard.append(result))
    [result] = heard
    return result


@pytest.fixture
def proxied(api_proxy: ApiProxy, connected: Connected) -> KubernetesCluster:
    return connected(api_proxy.kubeconfig)


@pytest.fixture
def web(kube: Kube, namespace: str) -> str:
    kube.create(deployment("web", "r/web:1"), namespace)
    kube.wait_rolled_out("Deployment", namespace, "web")
    return namespace


# --- reading


def test_one_list_per_kind_and_one_for_pods(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    observed(proxied, web, Kind.DEPLOYMENT, Kind.STATEFULSET, pods=True)
    assert sorted(r.path.rpartition("/")[2] for r in api_proxy.seen()) == [
        "deployments",
        "pods",
        "statefulsets",
    ]
    assert {r.method for r in api_proxy.seen()} == {"GET"}


def test_connections_are_kept(proxied: KubernetesCluster, api_proxy: ApiProxy, web: str) -> None:
    for _ in range(5):
        observed(proxied, web)
    assert api_proxy.connections == 1


def test_a_long_list_is_read_in_pieces(
    kube: Kube, cluster: KubernetesCluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c", "d", "e"):
        kube.create(deployment(name, "r/x:1", replicas=0), namespace)
    monkeypatch.setattr(reading, "CHUNK", 2)
    assert [w.name for w in observed(cluster, namespace).workloads] == ["a", "b", "c", "d", "e"]


def test_pieces_that_no_longer_fit_together_are_read_again_as_one(
    kube: Kube,
    proxied: KubernetesCluster,
    api_proxy: ApiProxy,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("a", "b", "c"):
        kube.create(deployment(name, "r/x:1", replicas=0), namespace)
    monkeypatch.setattr(reading, "CHUNK", 2)
    api_proxy.on(Answer(410), "GET", "continue=")
    assert [w.name for w in observed(proxied, namespace).workloads] == ["a", "b", "c"]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_read(
    kube: Kube, cluster: KubernetesCluster, namespace: str, kind: Kind
) -> None:
    kube.create(workload(kind.value, "web", "r/web:1", init={"wait": "r/x:1"}), namespace)
    found = read(cluster, namespace, kind)
    assert [(c.name, c.image, c.init) for c in found.containers] == [
        ("wait", "r/x:1", True),
        ("web", "r/web:1", False),
    ]
    assert kube.get(kind.value, namespace, "web")["metadata"]["uid"] == found.uid


def test_parsing_without_managed_fields_loses_nothing_else(kube: Kube, web: str) -> None:
    kube.annotate("Deployment", web, "web", note='"managedFields":[ ]},"spec":{ \\"')
    body = json.dumps(
        kube.request("GET", f"/apis/apps/v1/namespaces/{web}/deployments"),
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()
    whole, cut = json.loads(body), parse_list(body)
    for item in whole["items"]:
        assert item["metadata"].pop("managedFields")
    for item in cut["items"]:
        assert isinstance(item["metadata"].pop("managedFields"), bytes)
    assert cut == whole


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(alphabet='managedFields":[]{},spec\\'),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["managedFields", "spec", "metadata"]), inner)
        ),
        max_leaves=20,
    )
)
def test_whatever_is_parsed_is_what_json_says_outside_managed_fields(value: object) -> None:
    body = json.dumps({"items": value}, separators=(",", ":")).encode()
    assert _without(parse_list(body)) == _without(json.loads(body))


def _without(value: object) -> object:
    """Return JSON with every `managedFields` emptied, as far down as it goes."""
    if isinstance(value, dict):
        return {k: None if k == "managedFields" else _without(v) for k, v in value.items()}
    return [_without(v) for v in value] if isinstance(value, list) else value


def test_a_namespace_that_is_not_there(cluster: KubernetesCluster, web: str) -> None:
    assert observed(cluster, "no-such-namespace").workloads == ()
    assert cluster.has_namespace(EnvironmentName("no-such-namespace")) is False
    assert cluster.has_namespace(EnvironmentName(web)) is True


# --- faults while reading


def test_patience_that_the_server_asks_for_is_given(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    api_proxy.on(Answer(429, retry_after=1), "GET", "deployments")
    begin = time.monotonic()
    assert observed(proxied, web).workloads
    assert time.monotonic() - begin >= 1
    assert len(api_proxy.seen("GET", "deployments")) == 2


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Cut(), Cut(after=40)])
def test_what_passes_by_itself_is_tried_again(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str, fault: Answer | Cut
) -> None:
    api_proxy.on(fault, "GET", "deployments", times=2)
    assert observed(proxied, web).workloads


@pytest.mark.parametrize("fault", [Answer(500), Answer(503), Cut(), Cut(after=40)])
def test_what_does_not_pass_is_told_with_verb_resource_namespace_and_server(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str, fault: Answer | Cut
) -> None:
    api_proxy.on(fault, "GET", "deployments", times=100)
    with pytest.raises(ClusterError, match=f"cannot list deployments.apps in {web}") as raised:
        read(proxied, web)
    assert api_proxy.url in raised.value.message
    assert len(api_proxy.seen("GET", "deployments")) <= 8


def test_nothing_hangs_past_the_time_out(
    api_proxy: ApiProxy, connected: Connected, web: str
) -> None:
    cluster = connected(api_proxy.kubeconfig, timeout=2.0)
    api_proxy.on(Hang(), "GET", "deployments", times=100)
    begin = time.monotonic()
    with pytest.raises(TimedOut, match="no answer in time"):
        read(cluster, web)
    assert time.monotonic() - begin < 4


@pytest.mark.parametrize("more", [{}, {"something-unknown": "leads to the package"}])
def test_a_body_that_trickles_does_not_hang_past_the_time_out(
    api_proxy: ApiProxy, connected: Connected, web: str, more: dict[str, str]
) -> None:
    content = yaml.safe_load(api_proxy.kubeconfig.read_text())
    content["users"][0]["user"] |= more
    api_proxy.kubeconfig.write_text(yaml.safe_dump(content))
    cluster = connected(api_proxy.kubeconfig, timeout=2.0)
    api_proxy.on(Trickle(0.2), "GET", "deployments", times=100)
    begin = time.monotonic()
    with pytest.raises(TimedOut, match=r"no answer in time|timed out"):
        read(cluster, web)
    assert time.monotonic() - begin < 4


def test_a_short_answer_that_breaks_off_is_asked_for_again(
    proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    """Short ones come with their length, long ones in chunks."""
    api_proxy.on(Cut(after=10), "GET", "statefulsets", times=2)
    seen = observed(proxied, web, Kind.STATEFULSET)
    assert (seen.errors, seen.workloads) == ({}, ())
    assert len(api_proxy.seen("GET", "statefulsets")) == 3


def test_a_server_that_accepts_and_says_nothing(
    control_plane: ControlPlane,
    tcp_proxy: TcpProxy,
    admin_token: str,
    connected: Connected,
    web: str,
    tmp_path: Path,
) -> None:
    tcp_proxy.hang = True
    file = write_kubeconfig(
        tmp_path / "k", url=tcp_proxy.url, ca_file=control_plane.ca_file, token=admin_token
    )
    cluster = connected(file, timeout=2.0)
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        read(cluster, web)
    assert time.monotonic() - begin < 4


# --- patching


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_patched_with_and_without_annotations(
    kube: Kube, cluster: KubernetesCluster, namespace: str, kind: Kind
) -> None:
    made = workload(kind.value, "web", "r/web:1")
    made["metadata"].pop("annotations", None)
    kube.create(made, namespace)
    for image in ("r/web:2", "r/web:3"):
        while True:  # a controller may note a revision meanwhile, now and then
            result = sent(cluster, patch_of(read(cluster, namespace, kind), image))
            if not isinstance(result, Moved):
                break
        assert isinstance(result, Patched)
        assert result.workload.containers[0].image == image
    found = kube.get(kind.value, namespace, "web")
    annotations = found["metadata"]["annotations"]
    assert annotations["gitops-cli/commit"] == COMMIT
    assert annotations["gitops-cli/commit-time"] == "2026-11-23T00:00:00Z"
    assert annotations["gitops-cli/actor"] == "ada"
    assert annotations["kubernetes.io/change-cause"] == "gitops: web 2 → 3, state ccccccc by ada"
    assert "gitops" in {entry["manager"] for entry in found["metadata"]["managedFields"]}


def test_the_answer_has_the_generation_to_wait_for(cluster: KubernetesCluster, web: str) -> None:
    was = read(cluster, web)
    result = sent(cluster, patch_of(was))
    assert isinstance(result, Patched)
    assert result.workload.generation == was.generation + 1


def test_a_dry_run_changes_nothing(kube: Kube, cluster: KubernetesCluster, web: str) -> None:
    before = kube.get("Deployment", web, "web")["metadata"]["generation"]
    result = sent(cluster, patch_of(read(cluster, web)), dry_run=True)
    assert isinstance(result, Patched)
    assert kube.get("Deployment", web, "web")["metadata"]["generation"] == before


def somebody_set_the_image(kube: Kube, namespace: str) -> None:
    kube.set_image("Deployment", namespace, "web", "web", "r/web:other")


def somebody_synced(kube: Kube, namespace: str) -> None:
    kube.annotate("Deployment", namespace, "web", **{"gitops-cli/commit": "d" * 40})


def somebody_reordered(kube: Kube, namespace: str) -> None:
    containers = [{"name": "new", "image": "r/new:1"}, {"name": "web", "image": "r/web:1"}]
    operation = {"op": "replace", "path": "/spec/template/spec/containers", "value": containers}
    kube.patch("Deployment", namespace, "web", [operation])


@pytest.mark.parametrize("somebody", [somebody_set_the_image, somebody_synced, somebody_reordered])
def test_whatever_moved_makes_the_patch_fail_as_a_whole(
    kube: Kube, cluster: KubernetesCluster, web: str, somebody: Callable[[Kube, str], None]
) -> None:
    was = read(cluster, web)
    somebody(kube, web)
    before = kube.get("Deployment", web, "web")
    result = sent(cluster, patch_of(was))
    assert isinstance(result, Moved)
    assert result.workload is not None
    assert result.workload.containers == read(cluster, web).containers
    after = kube.get("Deployment", web, "web")
    assert after["spec"] == before["spec"]
    assert "gitops" not in {entry["manager"] for entry in after["metadata"]["managedFields"]}


def test_one_that_was_deleted_is_gone(kube: Kube, cluster: KubernetesCluster, web: str) -> None:
    was = read(cluster, web)
    kube.delete("Deployment", web, "web")
    assert sent(cluster, patch_of(was)) == Moved(None)


@pytest.mark.parametrize("fault", [Cut(forward=True), Answer(500, forward=True)])
def test_a_patch_whose_answer_was_lost_is_recognised_as_ours(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str, fault: Cut | Answer
) -> None:
    was = read(proxied, web)
    api_proxy.on(fault, "PATCH")
    result = sent(proxied, patch_of(was))
    assert isinstance(result, Patched)
    assert kube.get("Deployment", web, "web")["metadata"]["generation"] == was.generation + 1


def test_a_patch_that_never_arrived_is_sent_again(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    was = read(proxied, web)
    api_proxy.on(Cut(forward=False), "PATCH")
    assert isinstance(sent(proxied, patch_of(was)), Patched)


def test_somebody_between_two_tries_is_noticed(
    kube: Kube, proxied: KubernetesCluster, api_proxy: ApiProxy, web: str
) -> None:
    was = read(proxied, web)
    api_proxy.on(Cut(forward=False), "PATCH")
    api_proxy.on(Meanwhile(lambda: somebody_set_the_image(kube, web)), "PATCH", skip=1)
    assert isinstance(sent(proxied, patch_of(was)), Moved)


def test_a_real_fault_of_the_object_is_no_race(
    kube: Kube, cluster: KubernetesCluster, web: str
) -> None:
    result = sent(cluster, patch_of(read(cluster, web), ""))
    assert isinstance(result, ClusterError)
    assert f"cannot patch deployments.apps web in {web}" in result.message
    assert "422" in result.message


def test_our_own_images_are_told_from_others(
    kube: Kube, cluster: KubernetesCluster, web: str
) -> None:
    assert read(cluster, web).ours == frozenset()
    patched = sent(cluster, patch_of(read(cluster, web)))
    assert isinstance(patched, Patched)
    assert patched.workload.ours == read(cluster, web).ours == {"web"}
    somebody_set_the_image(kube, web)
    assert read(cluster, web).ours == frozenset()


# --- rights


def test_a_missing_right_names_verb_resource_and_namespace(
    kube: Kube, control_plane: ControlPlane, connected: Connected, web: str, tmp_path: Path
) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    file = write_kubeconfig(
        tmp_path / "k",
        url=control_plane.url,
        ca_file=control_plane.ca_file,
        token=kube.service_account(web, "bot", [rule]),
    )
    bot = connected(file)
    result = sent(bot, patch_of(read(bot, web)))
    assert isinstance(result, Denied)
    assert f"not permitted to patch deployments.apps web in {web}" in result.message
    assert result.hint == "a Role must grant `patch` on `deployments.apps`"
    seen = observed(bot, web, Kind.DEPLOYMENT, Kind.STATEFULSET, pods=True)
    assert isinstance(seen.errors[Kind.STATEFULSET], Denied)
    assert seen.pods is None
    assert [w.name for w in seen.workloads] == ["web"]
    rights = [
        Right("list", Kind.DEPLOYMENT, web),
        Right("patch", Kind.DEPLOYMENT, web),
        Right("list", "pods", web),
        Right("list", Kind.DEPLOYMENT, "default"),
    ]
    assert bot.review(rights) == [True, False, False, False]
    with pytest.raises(Denied, match="not permitted to get namespaces kube-system"):
        bot.uid()
    assert bot.has_namespace(EnvironmentName(web)) is None


def test_what_the_server_says_of_itself(kube: Kube, cluster: KubernetesCluster) -> None:
    about = cluster.about()
    assert about.version.startswith("v1.")
    assert about.time is not None
    assert abs(about.time.timestamp() - time.time()) < 5
    assert cluster.uid() == kube.get("Namespace", None, "kube-system")["metadata"]["uid"]

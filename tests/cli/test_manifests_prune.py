"""What leaves the repository, and what of it `sync --prune` removes, on the real API server."""

from __future__ import annotations

from tests.cli.live import OLD, Live
from tests.cli.manifested import actions, apply_as, config_map, record, states
from tests.testbed.manifests import deployment

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "disk"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}


def test_a_renamed_object_is_made_and_the_old_one_listed_until_it_is_pruned(live: Live) -> None:
    record(live, deployment("web", "web"), config_map("old", a="1"), web=OLD)
    live.sync("--wait").ok()
    record(live, deployment("web", "web"), config_map("new", a="1"), web=OLD)

    listed = live.diff()
    assert listed.code == 1
    assert "configmap/old extra: it left the repository; `gitops sync --prune`" in listed.stdout
    kept = actions(live)
    assert (kept["ConfigMap/new"], kept["ConfigMap/old"]) == ("created", "extra")
    assert live.kube.exists("ConfigMap", live.namespace, "old")
    dry = actions(live, "--prune", "--dry-run=server")
    assert dry["ConfigMap/old"] == "pruned"
    assert live.kube.exists("ConfigMap", live.namespace, "old")
    assert actions(live, "--prune")["ConfigMap/old"] == "pruned"
    assert not live.kube.exists("ConfigMap", live.namespace, "old")
    live.diff().ok()


def test_the_set_is_read_as_kubectl_reads_it(live: Live) -> None:
    record(live, deployment("web", "web"), config_map(a="1"), web=OLD)
    live.sync().ok()

    stands = live.kube.get("ConfigMap", live.namespace, "gitops-manifests")["metadata"]
    label = stands["labels"]["applyset.kubernetes.io/id"]
    found = live.kube.find(
        "ConfigMap", live.namespace, labels=f"applyset.kubernetes.io/part-of={label}"
    )

    assert [one["metadata"]["name"] for one in found] == ["web"]
    noted = stands["annotations"]
    assert noted["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap,Deployment.apps"
    record(live, config_map(a="1"))
    assert actions(live, "--prune")["Deployment/web"] == "pruned", "the kind is in no file any more"
    stands = live.kube.get("ConfigMap", live.namespace, "gitops-manifests")["metadata"]
    assert stands["annotations"]["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap"


def test_what_stands_for_the_set_is_made_anew_where_somebody_removed_it(live: Live) -> None:
    record(live, config_map(a="1"))
    live.sync().ok()
    live.kube.delete("ConfigMap", live.namespace, "gitops-manifests")

    live.sync().ok()

    assert live.kube.exists("ConfigMap", live.namespace, "gitops-manifests")


def test_what_somebody_takes_off_the_set_comes_back(live: Live) -> None:
    record(live, config_map(a="1"), config_map("more"))
    live.sync().ok()
    part, name = "applyset.kubernetes.io/part-of", "gitops-manifests"
    of_the_set = live.kube.get("ConfigMap", live.namespace, name)["metadata"]["labels"]
    live.kube.patch("ConfigMap", live.namespace, "web", {"metadata": {"labels": {part: None}}})
    stripped = {"labels": None, "annotations": {"applyset.kubernetes.io/tooling": "kubectl/v1"}}
    live.kube.patch("ConfigMap", live.namespace, name, {"metadata": stripped})

    live.diff().ok()
    live.sync().ok()

    web = live.kube.get("ConfigMap", live.namespace, "web")["metadata"]
    stands = live.kube.get("ConfigMap", live.namespace, name)["metadata"]
    assert web["labels"][part] == of_the_set["applyset.kubernetes.io/id"]
    assert stands["labels"] == of_the_set
    assert stands["annotations"]["applyset.kubernetes.io/tooling"] == "gitops-cli/v1"
    record(live, config_map("more"))
    assert actions(live, "--prune")["ConfigMap/web"] == "pruned"


def test_the_stage_may_say_it_for_all(live: Live) -> None:
    stage = live.namespace.rpartition("-")[2]
    live.record({"/gitops.toml": f'stages = ["{stage}"]\n[stage.{stage}]\nprune = true'})
    record(live, config_map("old", a="1"))
    live.sync().ok()
    record(live, config_map("new", a="1"))

    live.sync().ok()

    assert not live.kube.exists("ConfigMap", live.namespace, "old")


def test_what_is_never_removed(live: Live) -> None:
    marked = config_map("marked", a="1")
    marked["metadata"]["annotations"] = {"gitops-cli/keep": "true"}
    helm = config_map("helm", a="1")
    helm["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    record(live, config_map(a="1"), marked, helm, CLAIM)
    live.sync().ok()
    record(live, config_map(a="1"))

    done = actions(live, "--prune-many")

    assert [done[n] for n in ("ConfigMap/marked", "ConfigMap/helm")] == ["kept", "kept"]
    assert done["PersistentVolumeClaim/disk"] == "kept"
    assert live.kube.exists("PersistentVolumeClaim", live.namespace, "disk")
    assert live.diff().code == 0, "what is kept is no difference"


def test_an_object_that_only_has_our_label_is_not_ours(live: Live) -> None:
    record(live, config_map(a="1"))
    live.sync().ok()
    copied = config_map("copied", a="1")
    ours = live.kube.get("ConfigMap", live.namespace, "web")
    copied["metadata"]["labels"] = ours["metadata"]["labels"]
    apply_as(live, "a-controller", copied)

    assert actions(live, "--prune") == {"ConfigMap/web": "in-sync"}

    assert live.kube.exists("ConfigMap", live.namespace, "copied")


def test_most_of_what_is_there_goes_only_on_a_second_word(live: Live) -> None:
    many = [config_map(f"a{number}", a="1") for number in range(6)]
    record(live, *many)
    live.sync().ok()
    record(live, *many[:2])

    done = live.sync("--prune")

    assert done.code == 6
    assert "nothing is removed: 4 of its 6 objects would go" in done.stderr
    assert "--prune-many" in done.stderr
    assert live.kube.exists("ConfigMap", live.namespace, "a5")
    live.sync("--prune-many").ok()
    assert not live.kube.exists("ConfigMap", live.namespace, "a5")


def test_an_empty_or_unreadable_directory_removes_nothing(live: Live) -> None:
    record(live, config_map("a", a="1"), config_map("b", a="1"))
    live.sync().ok()
    path = f"/{live.namespace}/manifests"
    live.record({f"{path}/all.yaml": None, f"{path}/README": "nothing here"})
    empty = live.sync("--prune-many")
    live.record({f"{path}/all.yaml": str(config_map("a", a="1")), f"{path}/torn.yaml": "a: ["})
    torn = live.sync("--prune-many")
    live.record({f"{path}/README": None, f"{path}/all.yaml": None, f"{path}/torn.yaml": None})
    away = live.sync("--prune-many")

    assert empty.code == 2
    assert "holds no manifests" in empty.stderr
    assert "nothing is removed" in empty.stderr
    assert torn.code == 2
    assert "nothing is removed: some of the manifests cannot be read" in torn.stderr
    assert away.code == 0
    assert live.kube.exists("ConfigMap", live.namespace, "b")


def test_after_a_failure_nothing_is_removed(live: Live) -> None:
    record(live, config_map("a", a="1"), config_map("b", a="1"))
    live.sync().ok()
    broken = deployment("broken", "x")
    broken["spec"]["selector"] = {"matchLabels": {"app": "another"}}
    record(live, config_map("a", a="1"), broken)

    done = live.sync("--prune")

    assert done.code == 5
    assert "some objects could not be applied" in done.stderr
    assert states(live)["ConfigMap/b"] == "extra"

"""`gitops restore`: environments come back from the repository, on the real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.live import ABSENT, IMAGES, NEW, Live, image
from tests.cli.manifested import Object, config_map
from tests.registry.scripted import Reply, Request, image_with, scripted
from tests.testbed import sops
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.gitops import Gitops
from tests.testbed.manifests import deployment
from tests.testbed.patience import eventually
from tests.testbed.schemas import check

DIGEST = "sha256:" + "0f" * 32


@pytest.fixture
def lost(live: Live) -> Iterator[str]:
    """Return the name of an environment whose namespace is not there; it is emptied afterwards."""
    name = f"{live.namespace}-lost"
    yield name
    if live.kube.exists("Namespace", None, name):
        live.kube.empty_namespace(name)


def record(live: Live, environment: str, *objects: Object, **versions: str) -> None:
    text = yaml.safe_dump_all(objects, sort_keys=False)
    files: dict[str, str | None] = {"images_path": IMAGES, f"/{environment}/manifests/a.yaml": text}
    files |= {f"{name}.deployment": version for name, version in versions.items()}
    live.record(files, environment=environment)


def with_secret(made: dict[str, Any]) -> dict[str, Any]:
    pod = made["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "tls", "secret": {"secretName": "tls"}}]
    return made


def test_an_environment_comes_back_from_nothing(live: Live, lost: str) -> None:
    record(live, lost, config_map(a="1"), deployment("web", "web"), web=NEW)

    done = live.gitops("restore", lost, "-o", "json", "--timeout", "2m").ok()

    check(done.json())
    [environment] = done.json()["environments"]
    made = {f"{o['kind']}/{o['name']}": o["action"] for o in environment["objects"]}
    assert made == {"ConfigMap/web": "created", "Deployment/web": "created"}
    assert done.json()["missing"] == []
    found = live.kube.get("Deployment", lost, "web")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == image("web", NEW)
    assert found["status"]["availableReplicas"] == found["spec"]["replicas"], "it was waited for"
    again = live.gitops("restore", lost).ok()
    assert "nothing to do" in again.stdout + again.stderr
    live.gitops("diff", lost).ok()


def test_a_rehearsal_comes_up_beside_the_environment_and_leaves_it_alone(
    live: Live, lost: str
) -> None:
    bound = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reads"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "view",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": live.namespace}],
    }
    base = "flowcontrol.apiserver.k8s.io/v1"  # only the server tells that it is the cluster's
    wide = {
        "apiVersion": base,
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": live.namespace},
        "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}},
    }
    host = config_map("host", url=f"http://db.{live.namespace}.svc")
    record(live, live.namespace, deployment("web", "web"), bound, wide, host, web=NEW)

    done = live.gitops("restore", live.namespace, "--to-namespace", lost, "--timeout", "2m").ok()

    levels = live.kube.request("GET", f"/apis/{base}/prioritylevelconfigurations")["items"]
    assert live.namespace not in [level["metadata"]["name"] for level in levels]
    assert f"configmap/host names {live.namespace} still" in done.stderr
    assert live.kube.get("Deployment", lost, "web")
    binding = live.kube.get("RoleBinding", lost, "reads")
    assert [subject["namespace"] for subject in binding["subjects"]] == [lost]
    assert not live.kube.exists("Deployment", live.namespace, "web")
    refused = live.gitops("restore", live.namespace, "--to-namespace", live.namespace)
    assert (refused.code, "is an environment itself" in refused.stderr) == (2, True)


def test_a_rehearsal_of_the_past_overwrites_no_environment_of_today(live: Live, lost: str) -> None:
    record(live, live.namespace, config_map(a="1"))
    old = git(live.remote, "rev-parse", "main")
    record(live, lost, config_map(a="2"))
    live.kube.create_namespace(lost)

    refused = live.gitops("restore", live.namespace, "--rev", old, "--to-namespace", lost)

    assert (refused.code, "is an environment itself" in refused.stderr) == (2, True)
    assert not live.kube.exists("ConfigMap", lost, "web")


def test_what_is_there_beside_is_left_alone_whatever_the_stage_says(live: Live) -> None:
    stage = live.namespace.rpartition("-")[2]
    live.record({"/gitops.toml": f'stages = ["{stage}"]\n[stage.{stage}]\nprune = true'})
    record(live, live.namespace, config_map("old", a="1"))
    live.sync().ok()
    record(live, live.namespace, config_map("new", a="1"))

    live.gitops("restore", live.namespace).ok()

    assert live.kube.exists("ConfigMap", live.namespace, "old")
    assert live.kube.exists("ConfigMap", live.namespace, "new")


def test_what_cannot_come_back_is_told_and_stops_nothing_else(live: Live, lost: str) -> None:
    broken = config_map("broken") | {"data": {"a": ["no text"]}}
    record(live, lost, broken, config_map(a="1"), with_secret(deployment("web", "web")), web=NEW)

    done = live.gitops("restore", lost, "--no-wait")

    assert done.code == 5
    assert "deployment/web needs the Secret tls, which is not in the repository" in done.stderr
    assert "configmap/broken" in done.stderr
    assert live.kube.get("ConfigMap", lost, "web")["data"] == {"a": "1"}


def test_an_image_that_is_gone_and_a_secret_without_a_key_hold_up_nothing_else(
    live: Live, lost: str, tmp_path: Path
) -> None:
    sops.install(tmp_path / "tools")
    path = f"{tmp_path / 'tools'}:{live.gitops.environment['PATH']}"
    deployments = [deployment("web", "web"), deployment("api", "api")]
    record(live, lost, config_map(a="1"), *deployments, web=NEW, api=ABSENT)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    sealed = sops.sealed(secret | {"data": {"a": "hunter2"}}, key=sops.NO_KEY)
    live.record({f"/{lost}/manifests/s.yaml": sops.as_yaml(sealed)})

    done = live.gitops.using(PATH=path)("restore", lost, "--timeout", "2m")

    assert done.code == 2, "the Secret, before the rollout that failed"
    assert "ErrImagePull" in done.stdout
    said = f"{lost}/manifests/s.yaml: no key here decrypts it; it is encrypted for {sops.NO_KEY}"
    assert said in done.stdout
    found = live.kube.get("Deployment", lost, "web")
    assert found["status"]["availableReplicas"] == 1
    assert live.kube.exists("ConfigMap", lost, "web")
    assert live.kube.exists("Deployment", lost, "api")
    assert not live.kube.exists("Secret", lost, "db")


def test_the_environments_are_said_where_nobody_can_be_asked(live: Live) -> None:
    refused = live.gitops("restore")
    assert (refused.code, "--all" in refused.stderr) == (2, True)


def test_what_would_be_missing_is_known_before_anything_is_lost(
    tmp_path: Path, gitops: Gitops
) -> None:
    def answer(request: Request) -> Reply:
        has = request.path.rpartition("/")[2] in (NEW, DIGEST)
        return image_with(DIGEST) if has else Reply(404)

    with scripted(answer) as registry:
        web, api = deployment("web", "web"), with_secret(deployment("api", "api"))
        for made in (web, api):
            name = made["metadata"]["name"]
            container = made["spec"]["template"]["spec"]["containers"][0]
            container["image"] = f"{registry.address}/shop/{name}:x"
        files: dict[str, str | None] = {
            "shop-prod/images_path": f"{registry.address}/shop/\n",
            "shop-prod/web.deployment": f"{NEW}\n",
            "shop-prod/api.deployment": f"{'d' * 40}\n",
            "shop-prod/old.deployment": f"{NEW}\n",
            "shop-prod/manifests/a.yaml": yaml.safe_dump_all([web, api]),
            "shop-dev/images_path": f"{registry.address}/shop/\n",
            "shop-dev/web.deployment": f"{NEW}\n",
        }
        remote = init_bare(tmp_path / "state.git")
        add_commits(remote, [Commit("start", files, 1_793_606_400)])
        asked = gitops.using(KUBECONFIG=tmp_path / "nothing", GITOPS_REPO=f"file://{remote}")

        done = asked("restore", "--check", "-o", "json")

        assert done.code == 1
        check(done.json())
        told = {(m["environment"], m["what"]) for m in done.json()["missing"]}
        gone = f"{registry.address}/shop/api:{'d' * 40}"
        assert told == {
            ("shop-dev", "has no manifests: only versions are in the repository"),
            ("shop-prod", f"the registry has no {gone}"),
            ("shop-prod", "old has a version and no Deployment among the manifests"),
            (
                "shop-prod",
                "deployment/api needs the Secret tls, which is not in the repository",
            ),
        }
        assert "4 things would be missing in 2 environments" in asked("restore", "--check").stdout


def test_what_was_captured_comes_back_as_it_was(live: Live, lost: str) -> None:
    kube = live.kube
    live.record({"images_path": IMAGES}, environment=lost)
    kube.create_namespace(lost)
    kube.create(deployment("web", image("web", NEW)), lost)
    kube.create(config_map(a="1"), lost)
    kube.wait_rolled_out("Deployment", lost, "web")
    live.gitops("capture", lost, "--manifests", "--yes").ok()
    kube.delete_namespace(lost)
    eventually(lambda: not kube.exists("Namespace", None, lost))

    live.gitops("restore", lost, "--timeout", "2m").ok()

    again = live.gitops("capture", lost, "--manifests", "--yes", "-o", "json").ok()
    assert again.json()["changed"] is False, again.stdout

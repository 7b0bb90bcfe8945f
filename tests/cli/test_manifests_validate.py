"""`gitops validate` of manifests: as they are on disk, staged, or committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.testbed.git import git
from tests.testbed.gitops import Gitops

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
SECRET = MAP.replace("ConfigMap", "Secret") + "stringData: {password: x}\n"
TWO = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {spec: {containers: [{name: a, image: x}, {name: b, image: y}]}}
"""


@pytest.fixture
def here(tmp_path: Path, gitops: Gitops) -> Gitops:
    """Return the command in a repository with an environment that has manifests."""
    state = tmp_path / "state"
    (state / "shop-dev" / "manifests").mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main", state)
    write(state, "images_path", "r.example.com/shop/\n")
    write(state, "web.deployment", "ab" * 20 + "\n")
    write(state, "manifests/a.yaml", MAP)
    git(state, "add", "-A")
    git(state, "commit", "-q", "-m", "state")
    return gitops.at(state)


def write(state: Path, name: str, text: str) -> None:
    (state / "shop-dev" / name).write_text(text)


def rules(here: Gitops, *arguments: str) -> dict[str, Any]:
    found = here("validate", "-o", "json", *arguments).json()["findings"]
    return {f"{one['path']}:{one['line']}": one["rule"] for one in found}


def test_good_manifests_are_no_finding(here: Gitops) -> None:
    assert rules(here) == {}


def test_what_is_wrong_with_objects_is_a_finding_with_its_line(here: Gitops) -> None:
    write(here.directory, "manifests/b.yaml", f"{SECRET}---\n{MAP}---\n{TWO}")
    write(here.directory, "manifests/c.yaml", "a: [\n")
    write(here.directory, "manifests/d.yaml", MAP.replace("{name", "{namespace: other, name"))
    write(here.directory, "manifests/e.yaml", MAP.replace("a}", "e}") + "data: {a: yes}\n")

    assert rules(here) == {
        "shop-dev/manifests/b.yaml:1": "plain-secret",
        "shop-dev/manifests/b.yaml:6": "object-twice",
        "shop-dev/manifests/b.yaml:10": "container",
        "shop-dev/manifests/c.yaml:2": "yaml",
        "shop-dev/manifests/d.yaml:1": "namespace",
        "shop-dev/manifests/e.yaml:4": "yaml-boolean",
    }
    assert here("validate").code == 1


def test_fields_that_kubernetes_has_not_are_findings_with_their_lines(here: Gitops) -> None:
    wrong = TWO.replace("name: a, image", "name: a, imge").replace("kind:", "spcs: 1\nkind:")
    write(here.directory, "manifests/b.yaml", f"{MAP.replace('a}', 'b}')}---\n{wrong}")
    (here.directory / "gitops.toml").write_text('[service.web]\ncontainer = "b"\n')

    found = here("validate", "-o", "json").json()["findings"]
    shown = here("validate")

    assert [(one["line"], one["rule"]) for one in found] == [(6, "schema"), (11, "schema")]
    assert found[1]["message"].startswith(
        "deployment/web: spec.template.spec.containers[0].imge: Kubernetes 1."
    )
    assert "did you mean `image`?" in shown.stdout
    assert shown.code == 1
    assert here("validate", "--no-schema").code == 0


def test_a_hook_judges_what_is_staged(here: Gitops) -> None:
    write(here.directory, "manifests/b.yaml", SECRET)
    git(here.directory, "add", "-A")
    (here.directory / "shop-dev" / "manifests" / "b.yaml").unlink()

    assert rules(here, "--staged") == {"shop-dev/manifests/b.yaml:1": "plain-secret"}
    assert rules(here) == {}


def test_a_link_out_of_the_repository_and_a_base_that_is_away_are_findings(here: Gitops) -> None:
    link = here.directory / "shop-dev" / "manifests" / "link.yaml"
    for target in ("/etc/passwd", "../../.git/config"):
        link.symlink_to(target)
        linked = here("validate")
        assert linked.code == 1
        assert f"a symbolic link to `{target}`, which is no file of this" in linked.stdout
        link.unlink()
    write(here.directory, "manifests/kustomization.yaml", "resources: [../../base]\n")

    assert rules(here) == {"shop-dev/manifests:1": "manifests"}


def test_a_stages_directory_is_that_of_its_environments(here: Gitops) -> None:
    state = here.directory
    (state / "shop-base").mkdir()
    (state / "shop-base" / "s.yaml").write_text(SECRET)
    settings = state / "gitops.toml"
    settings.write_text('stages = ["dev"]\n[stage.dev]\nmanifests = "../{project}-base"\n')
    assert rules(here) == {}, "its own come first"
    (state / "shop-dev" / "manifests" / "a.yaml").unlink()
    assert rules(here) == {"shop-base/s.yaml:1": "plain-secret"}
    settings.write_text('stages = ["dev"]\n[stage.dev]\nmanifests = "../../elsewhere"\n')
    assert "is no directory of this repository" in here("validate").stdout


def test_a_promotion_says_where_more_than_versions_differs(here: Gitops, tmp_path: Path) -> None:
    state = here.directory
    for name, text in (("images_path", "r.example.com/shop/\n"), ("web.deployment", "cd" * 20)):
        (state / "shop-prod" / "manifests").mkdir(parents=True, exist_ok=True)
        (state / "shop-prod" / name).write_text(text)
    (state / "shop-prod" / "manifests" / "a.yaml").write_text(MAP)
    (state / "gitops.toml").write_text('stages = ["dev", "prod"]\n')
    git(state, "add", "-A")
    git(state, "commit", "-q", "-m", "the same")
    promote = ("promote", "web", "--from", "dev", "--to", "prod", "--dry-run")
    assert "manifests" not in here(*promote).ok().stderr
    (state / "shop-prod" / "manifests" / "b.yaml").write_text(MAP)
    git(state, "add", "-A")
    git(state, "commit", "-q", "-m", "differ")

    said = here(*promote).ok().stderr

    assert "the manifests of shop-dev and shop-prod differ (b.yaml): versions are copied" in said


def test_what_two_environments_record_is_compared_without_a_cluster(here: Gitops) -> None:
    state = here.directory
    (state / "shop-prod" / "manifests").mkdir(parents=True)
    (state / "shop-prod" / "images_path").write_text("r.example.com/shop/\n")
    (state / "shop-prod" / "web.deployment").write_text("cd" * 20 + "\n")
    (state / "shop-prod" / "manifests" / "a.yaml").write_text(MAP + "data: {a: '1'}\n")
    (state / "shop-prod" / "manifests" / "s.yaml").write_text(SECRET)
    git(state, "add", "-A")
    git(state, "commit", "-q", "-m", "another")

    done = here("diff", "--envs", "shop-dev", "shop-prod")
    document = here("diff", "--envs", "shop-dev", "shop-prod", "-o", "json").json()

    assert done.code == 1
    assert "configmap/a (shop-prod/manifests/a.yaml:1) differs" in done.stdout
    assert "password" in done.stdout
    assert "eA==" not in done.stdout
    [service] = document["services"]
    assert (service["from"], service["to"], service["differs"]) == ("ab" * 20, "cd" * 20, True)
    states = {one["name"] + one["kind"]: one["state"] for one in document["objects"]}
    assert states == {"aConfigMap": "differs", "aSecret": "extra"}
    assert here("diff", "--envs", "shop-dev").code == 2
    assert here("diff", "--envs", "shop-dev", "shop-dev").code == 2


def test_a_workload_of_another_name_is_not_missing(here: Gitops) -> None:
    write(here.directory, "manifests/w.yaml", TWO.replace("web", "rel-web").replace("x}", "'a b'}"))
    settings = '[service.web]\nworkload = "rel-web"\ncontainer = "b"\n'
    (here.directory / "gitops.toml").write_text(settings)
    git(here.directory, "add", "-A")
    git(here.directory, "commit", "-q", "-m", "named")

    missing = here("restore", "--check", "-o", "json").json()["missing"]

    assert {lack["where"] for lack in missing} == {"shop-dev/manifests/w.yaml:1"}, "its images"
    assert missing[0]["what"] == "`a b` is the name of no image"

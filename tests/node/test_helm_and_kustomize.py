"""Charts and kustomizations by the real helm and kustomize, up to the real API server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cli.live import NEW, Live, image, make_live
from tests.cli.manifested import objects_of, states
from tests.testbed import controlplane
from tests.testbed.controlplane import ControlPlane
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.programs import program

pytestmark = [pytest.mark.node, pytest.mark.programs]

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: %s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
"""
LOOKUP = '  known: {{ lookup "v1" "Namespace" "" "default" | len | quote }}'
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n"
    "dependencies: [{name: sub, version: 0.1.0}]",
    "values.yaml": "level: info\nreplicas: 1\n",
    "templates/web.yaml": DEPLOYMENT % "{{ .Values.replicas }}",
    "templates/settings.yaml": """apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  level: {{ .Values.level | quote }}
  release: {{ .Release.Name }} in {{ .Release.Namespace }}
"""
    + LOOKUP,
    "templates/hook.yaml": """apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: pre-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
""",
    "templates/tests/test.yaml": """apiVersion: v1
kind: Pod
metadata: {name: try, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: a, image: a}]}
""",
    "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0",
    "charts/sub/templates/sub.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}",
}

MADE = ("Deployment/web", "ConfigMap/settings", "ConfigMap/sub")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in ("helm", "kustomize"):
        (directory / name).symlink_to(program(name))
    (directory / "kubectl").symlink_to(controlplane.binary("kubectl"))
    return directory


@pytest.fixture
def live(
    tmp_path: Path,
    gitops: Gitops,
    kube: Kube,
    namespace: str,
    control_plane: ControlPlane,
    tools: Path,
) -> Live:
    there = gitops.using(PATH=f"{tools}:{os.environ['PATH']}")
    return make_live(tmp_path, there, kube, namespace, control_plane.kubeconfig)


def record(live: Live, files: dict[str, str], **versions: str) -> None:
    place = f"/{live.namespace}/manifests"
    named = {f"{place}/{name}": text for name, text in files.items()}
    live.record(named | {f"{name}.deployment": version for name, version in versions.items()})


def test_a_chart_is_compared_and_applied_without_its_hooks(live: Live) -> None:
    stage = live.namespace.rpartition("-")[2]
    record(live, CHART | {f"values-{stage}.yaml": "replicas: 2"}, web=NEW)
    live.record({f"/{live.namespace}/values.yaml": "level: debug"})

    live.sync("--wait").ok()

    assert states(live) == dict.fromkeys(MADE, "in-sync")
    settings = live.kube.get("ConfigMap", live.namespace, "settings")["data"]
    release = live.namespace.rpartition("-")[0]
    assert settings == {
        "level": "debug",
        "release": f"{release} in {live.namespace}",
        "known": "0",
    }
    web = live.kube.get("Deployment", live.namespace, "web")["spec"]
    assert web["replicas"] == 2
    assert web["template"]["spec"]["containers"][0]["image"] == image("web", NEW)
    live.record({f"/{live.namespace}/values.yaml": "level: warn"})
    [change] = objects_of(live.diff("-o", "json"))["ConfigMap/settings"]["patch"]
    assert change == {"op": "replace", "path": "/data/level", "value": "warn"}
    live.gitops("validate", "-R", f"file://{live.remote}").ok()


def test_what_helm_cannot_render_is_said_in_its_words(live: Live) -> None:
    lacking = {name: text for name, text in CHART.items() if not name.startswith("charts/")}
    record(live, lacking)

    done = live.sync()

    assert done.code == 2
    assert "missing in charts/" in done.stderr
    assert "helm dependency build" in done.stderr
    needs = CHART | {"templates/x.yaml": '{{ required "say a host" .Values.host }}'}
    record(live, needs)
    assert "say a host" in live.diff().stderr


OVERLAY = """resources: [../../base]
namePrefix: shop-
configMapGenerator: [{name: settings, literals: [level=debug]}]
patches:
  - target: {kind: Deployment}
    patch: '[{"op": "replace", "path": "/spec/replicas", "value": 3}]'
"""


def test_an_overlay_is_what_kustomize_makes_of_it(live: Live, tools: Path) -> None:
    base = DEPLOYMENT % 1
    live.record({"/base/kustomization.yaml": "resources: [web.yaml]", "/base/web.yaml": base})
    live.record({"/gitops.toml": '[service.web]\nworkload = "shop-web"\ncontainer = "web"'})
    record(live, {"kustomization.yaml": OVERLAY}, web=NEW)

    live.sync("--wait").ok()

    for name in ("kustomize", "kubectl"):
        work = live.clone.parent / name
        subprocess.run(["git", "clone", "-q", live.remote, work], check=True)
        verb = "build" if name == "kustomize" else "kustomize"
        place = work / live.namespace / "manifests"
        made = subprocess.run([tools / name, verb, place], capture_output=True, check=True).stdout
        wanted = {f"{o['kind']}/{o['metadata']['name']}" for o in yaml.safe_load_all(made)}
        assert states(live) == dict.fromkeys(wanted, "in-sync")
    web = live.kube.get("Deployment", live.namespace, "shop-web")["spec"]
    assert web["replicas"] == 3
    assert web["template"]["spec"]["containers"][0]["image"] == image("web", NEW)
    live.record({f"/{live.namespace}/manifests/kustomization.yaml": OVERLAY.replace("debug", "x")})
    found = states(live)
    assert sorted(found.values()) == ["extra", "in-sync", "missing"], "the generated name is new"


def test_a_release_is_taken_over_without_a_change(live: Live, tools: Path) -> None:
    """As docs/adopting.md has it."""
    chart = live.clone.parent / "chart"
    asks_nobody = {name: text.replace(LOOKUP, "") for name, text in CHART.items()}
    for name, text in asks_nobody.items():
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(text.replace("image: web", f"image: {image('web', NEW)}"))
    release, place = live.namespace.rpartition("-")[0], ["--namespace", live.namespace]
    words = [tools / "helm", "install", release, chart, *place, "--no-hooks"]
    environment = {
        "HOME": str(live.clone.parent),
        "KUBECONFIG": live.gitops.environment["KUBECONFIG"],
    }
    subprocess.run(words, env=environment, check=True, capture_output=True)
    live.kube.wait_rolled_out("Deployment", live.namespace, "web")
    record(live, asks_nobody, web=NEW)

    assert states(live) == dict.fromkeys(MADE, "adoptable")
    web = live.kube.get("Deployment", live.namespace, "web")
    live.sync("--dry-run=server").ok()
    live.sync().ok()

    after = live.kube.get("Deployment", live.namespace, "web")
    assert (after["spec"], after["metadata"]["uid"]) == (web["spec"], web["metadata"]["uid"])
    delete = ["delete", "secret", "-l", f"owner=helm,name={release}", "-n", live.namespace]
    subprocess.run([tools / "kubectl", *delete], env=environment, check=True, capture_output=True)
    listed = subprocess.run(
        [tools / "helm", "list", "-q", *place], env=environment, check=True, capture_output=True
    )
    assert listed.stdout == b""
    assert states(live) == dict.fromkeys(MADE, "in-sync")

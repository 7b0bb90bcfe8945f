"""Directories of manifests become objects: what is read, what is refused, what is never started."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ConfigurationError, TimedOut
from gitops_cli.domain.manifests.rendered import Form
from gitops_cli.domain.names import EnvironmentName
from gitops_cli.domain.recorded.stages import Place
from gitops_cli.domain.recorded.team import StageRules
from gitops_cli.manifests import programs
from gitops_cli.manifests.rendering import ToRender, render
from gitops_cli.manifests.shipped import shipped_schema
from tests.manifests.shop import CHART, HERE, MAP, names, problems, rendered


def test_files_of_yaml_and_json_in_directories_are_read_and_no_others() -> None:
    found = rendered(
        {
            f"{HERE}/a.yaml": MAP % "a" + "---\n" + MAP % "b",
            f"{HERE}/deep/c.yml": MAP % "c",
            f"{HERE}/d.json": '{"apiVersion":"v1","kind":"List","items":[\n\t'
            '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"}}]}',
            f"{HERE}/README.md": "no: [yaml",
            f"{HERE}/.hidden.yaml": "no: [yaml",
            "shop-prod/manifests/z.yaml": MAP % "z",
        }
    )

    assert names(found) == ["configmap/a", "configmap/b", "configmap/c", "configmap/d"]
    assert found.findings == ()
    assert [one.where for one in found.objects][1] == f"{HERE}/a.yaml:6"


def test_what_cannot_be_read_is_named_by_its_line_and_hides_no_other() -> None:
    aliases = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    found = rendered(
        {
            f"{HERE}/good.yaml": MAP % "good",
            f"{HERE}/twice.yaml": "a: 1\nb: 2\na: 3\n",
            f"{HERE}/twice.json": '{"a": 1, "a": 2}',
            f"{HERE}/long.json": "[" + "1" * 5000 + "]",
            f"{HERE}/nan.json": '{"a": NaN}',
            f"{HERE}/bomb.yaml": f"a0: &a0 [x]\n{aliases}",
            f"{HERE}/deep.yaml": "[" * 5000,
            f"{HERE}/deep.json": '{"a":' * 800 + "1" + "}" * 800,
            f"{HERE}/words.yaml": MAP.replace("'1'", "yes") % "words",
        }
    )

    assert names(found) == ["configmap/good", "configmap/words"]
    told = problems(found)
    assert f"{HERE}/twice.yaml:3: `a` stands twice in one mapping" in told
    assert f"{HERE}/twice.json:1: `a` stands twice in one object" in told
    assert f"{HERE}/long.json:1: not JSON: a number is too long" in told
    assert f"{HERE}/nan.json:1: not JSON: NaN" in told
    assert f"{HERE}/bomb.yaml:7: too many values" in told
    assert f"{HERE}/deep.yaml:1: nested too deeply" in told
    assert f"{HERE}/deep.json:1: nested too deeply" in told
    assert f"{HERE}/words.yaml:4: `yes` is a boolean to kubectl" in told


def test_numbers_are_those_that_kubectl_reads() -> None:
    text = "data: {mode: 0644, hex: 0x1F, hash: 1e3, text: '0644', time: 12:30, day: 2026-01-02}\n"

    [one] = rendered({f"{HERE}/a.yaml": (MAP % "a").rpartition("data")[0] + text}).objects

    assert one.content["data"] == {
        "mode": 420,
        "hex": 31,
        "hash": 1000.0,
        "text": "0644",
        "time": "12:30",
        "day": "2026-01-02",
    }


@pytest.mark.usefixtures("kubectl")
def test_an_overlay_is_rendered_with_its_base_and_without_anything_of_the_user() -> None:
    found = rendered(
        {
            "base/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: shop-\n",
            "base/a.yaml": MAP % "a",
            f"{HERE}/kustomization.yaml": "resources: [../../base]\n"
            "configMapGenerator: [{name: made, files: [x=one.txt], envs: [two.env]}]\n"
            "patches: [{path: patch.yaml, target: {kind: ConfigMap, name: a}}]\n",
            f"{HERE}/one.txt": "1",
            f"{HERE}/two.env": "b=2\n",
            f"{HERE}/patch.yaml": "- op: add\n  path: /data/b\n  value: '2'\n",
        }
    )

    assert found.form is Form.KUSTOMIZE
    [made, a] = sorted(found.objects, key=lambda one: one.id.name)
    assert made.id.name.startswith("made-")
    assert made.content["data"] == {"x": "1", "b": "2"}
    assert (a.id.name, a.content["data"]) == ("shop-a", {"a": "1", "b": "2"})
    assert a.where == f"{HERE}/kustomization.yaml:1"


@pytest.mark.parametrize(
    "content",
    [
        "resources: ['https://example.com/base.yaml']",
        "resources: [github.com/acme/base]",
        "resources: ['git@github.com:acme/base']",
        "resources: [../../../etc]",
        "resources: [/etc]",
        "bases: ['ssh://git@example.com/x']",
        "components: [../../nowhere]",
        "transformers: ['https://example.com/t.yaml']",
        "patches: [{path: 'https://example.com/p.yaml'}]",
        "configMapGenerator: [{name: x, files: [passwd=/etc/passwd]}]",
        "configMapGenerator: [{name: x, envs: [../../../secret.env]}]",
        "openapi: {path: 'https://example.com/o.json'}",
        "helmCharts: [{name: x, repo: 'https://example.com'}]",
    ],
)
def test_what_a_kustomization_would_fetch_or_start_is_refused_before_it_runs(
    content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "kustomize").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (tmp_path / "kustomize").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    files = {
        f"{HERE}/kustomization.yaml": content,
        f"{HERE}/github.com/acme/base/kustomization.yaml": "resources: []",
        f"{HERE}/https:/example.com/base.yaml": "a file by the name of a URL",
    }

    with pytest.raises(ConfigurationError) as refused:
        rendered(files)

    assert f"{HERE}/kustomization.yaml:1" in refused.value.message
    assert not ran.exists()


@pytest.mark.usefixtures("kubectl")
def test_many_bases_are_not_more_than_one_directory_may_be() -> None:
    large = "#" * (33 << 20)
    files = {
        f"{HERE}/kustomization.yaml": "resources: [../../a, ../../b]",
        "a/kustomization.yaml": large,
        "b/kustomization.yaml": large,
    }

    with pytest.raises(ConfigurationError, match="made of more than 64 MiB"):
        rendered(files)


@pytest.mark.usefixtures("kubectl")
def test_what_kustomize_cannot_render_is_said_in_its_words() -> None:
    files = {
        f"{HERE}/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: b.yaml}]\n",
        f"{HERE}/a.yaml": MAP % "a",
        f"{HERE}/b.yaml": MAP % "another",
    }

    with pytest.raises(ConfigurationError, match=f"{HERE}: kubectl cannot render it: .*no match"):
        rendered(files)


def test_a_chart_is_templated_with_the_stages_and_the_environments_values(helm: Path) -> None:
    found = rendered(
        {
            f"{HERE}/Chart.yaml": CHART,
            f"{HERE}/values-dev.yaml": "a: 1",
            f"{HERE}/values-prod.yaml": "a: 2",
            "shop-dev/values.yaml": "b: 1",
            "shop-dev/web.deployment": "x",
        }
    )

    assert (found.form, names(found)) == (Form.HELM, ["configmap/templated"])
    notes = helm.read_text()
    assert notes.splitlines()[0] == (
        "template --namespace shop-dev --include-crds --no-hooks --skip-tests "
        f"--kube-version {shipped_schema().kubernetes}.0 "
        f"--values {HERE}/values-dev.yaml --values shop-dev/values.yaml -- shop {HERE}"
    )
    assert "/home/ada" not in notes
    assert "web.deployment" not in notes


@pytest.mark.parametrize(
    ("name", "what"), [("kustomization.yaml", "kustomization"), ("Chart.yaml", "chart")]
)
def test_what_would_be_rendered_below_is_said(name: str, what: str) -> None:
    found = rendered({f"{HERE}/a.yaml": MAP % "a", f"{HERE}/web/{name}": "resources: []"})

    [finding] = found.findings
    assert (finding.path, finding.rule) == (f"{HERE}/web/{name}", "nested")
    assert finding.message == f"a {what} below {HERE} is rendered by nobody"
    assert names(found) == ["configmap/a"]


def test_a_chart_sees_the_cluster_that_its_stage_says(helm: Path) -> None:
    place = Place(EnvironmentName("shop-dev"), "shop", "dev")
    files = {f"{HERE}/Chart.yaml": CHART.encode()}
    rules = StageRules("dev", kubernetes="v1.31.4", kubernetes_apis=("a.example.com/v1", "v1/Pod"))

    render(ToRender.of_stage(place, HERE, rules), lambda _: files)

    seen = "--kube-version 1.31.4 --api-versions=a.example.com/v1 --api-versions=v1/Pod -- shop"
    assert seen in helm.read_text()


def test_why_a_chart_does_not_take_the_cluster_is_told_with_the_key(helm: Path) -> None:
    said = "chart requires kubeVersion: >=1.99.0-0 which is incompatible with Kubernetes v1.36.0"
    (helm.parent / "tools" / "helm").write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")

    with pytest.raises(ConfigurationError, match="is incompatible with Kubernetes") as told:
        rendered({f"{HERE}/Chart.yaml": CHART})
    assert told.value.hint is not None
    assert "[stage.X] kubernetes =" in told.value.hint


def test_a_program_is_started_where_there_is_no_network(helm: Path, tmp_path: Path) -> None:
    unshare, notes = tmp_path / "tools" / "unshare", tmp_path / "unshared"
    unshare.write_text(f'#!/bin/sh\n[ $# = 1 ] && exit\necho "$*" >> {notes}\nshift 3\nexec "$@"\n')
    unshare.chmod(stat.S_IRWXU)
    programs.apart.cache_clear()

    rendered({f"{HERE}/Chart.yaml": CHART})

    programs.apart.cache_clear()
    last = notes.read_text().splitlines()[-1]
    assert last.startswith(f"--map-root-user --net -- {tmp_path}/tools/helm template ")


def test_a_program_that_only_closes_its_output_does_not_hold_anybody_up(
    helm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (helm.parent / "tools" / "helm").write_text("#!/bin/sh\nexec >&- 2>&-\nexec /bin/sleep 600\n")
    monkeypatch.setattr(programs, "SECONDS", 0.5)

    with pytest.raises(TimedOut, match="helm did not end within"):
        rendered({f"{HERE}/Chart.yaml": CHART})


def test_no_program_is_needed_for_plain_files_and_named_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert names(rendered({f"{HERE}/a.yaml": MAP % "a"})) == ["configmap/a"]
    with pytest.raises(ConfigurationError, match="needs kubectl or kustomize"):
        rendered({f"{HERE}/kustomization.yaml": ""})
    with pytest.raises(ConfigurationError, match="needs helm"):
        rendered({f"{HERE}/Chart.yaml": CHART})

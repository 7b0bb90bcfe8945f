"""What SOPS encrypted is a value to nobody who cannot decrypt it."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from gitops_cli.domain.errors import ConfigurationError, InvalidState
from gitops_cli.domain.manifests.sealing import SealedFile
from gitops_cli.manifests.files import opened
from gitops_cli.manifests.sops import decrypt
from tests.manifests.shop import CHART, HERE, MAP, names, rendered
from tests.testbed import sops

CODE = "ENC[AES256_GCM,data:y,type:str]"
DOTENV = f"A=ENC[AES256_GCM,data:x,type:str]\nsops_mac={CODE}\n"
INI = f"[a]\nb = ENC[AES256_GCM,data:x,type:str]\n[sops]\nmac = {CODE}\n"
HALF = f"a: 1\nsops: {{mac: '{CODE}'}}\n---\nb: 1\n"


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        ("secretGenerator: [{name: a, envs: [x.env]}]", "reads variables of `x.env`"),
        ("secretGenerator: [{name: a, env: x.env}]", "reads variables of `x.env`"),
        ("configMapGenerator: [{name: a, envs: [x.env]}]", "a ConfigMap would show it"),
        ("configMapGenerator: [{name: a, files: [k=x.env]}]", "a ConfigMap would show it"),
        ("configMapGenerator: [{name: a, files: [same.env]}]", "a ConfigMap would show it"),
        ("configMapGenerator: [{name: a, files: [x.ini]}]", "a ConfigMap would show it"),
        ("secretGenerator: [{name: a, files: [x.ini]}]", "has `x.ini`, which SOPS encrypted as"),
        ("secretGenerator: [{name: a, files: [x.yaml]}]", "its text would be the value"),
    ],
)
@pytest.mark.usefixtures("kubectl")
def test_encrypted_files_that_cannot_be_values_are_refused_with_what_to_do(
    generator: str, said: str
) -> None:
    encrypted = {"x.env": DOTENV, "same.env": DOTENV, "x.ini": INI, "x.yaml": HALF}
    files = {f"{HERE}/{name}": text for name, text in encrypted.items()}
    files[f"{HERE}/kustomization.yaml"] = f"{generator}\n"

    with pytest.raises(ConfigurationError, match=said) as refused:
        rendered(files)

    assert refused.value.message.startswith(f"{HERE}/kustomization.yaml:1: ")
    hint = str(refused.value.hint)
    assert any(word in hint for word in ("Generator", "`files`", "--input-type binary"))


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db"},
    "stringData": {"password": "hunter2"},
}
READER = """apiVersion: v1
kind: ConfigMap
metadata: {name: reader}
data: {url: "postgres://me:PASSWORD@db", password: "", of: $(P)}
"""
FROM_SECRET = "source: {kind: Secret, name: db, fieldPath: stringData.password%s}"
INTO = "targets: [{select: {kind: ConfigMap, name: reader}, fieldPaths: [data.%s]%s}]"
PLACE = ", options: {delimiter: ':', index: 2}"
SOURCE = "objref: {apiVersion: v1, kind: Secret, name: db}"
VAR = f"vars: [{{name: P, {SOURCE}, fieldref: {{fieldpath: stringData.password}}}}]"
REMOVE = '[{"op": "remove", "path": "/sops"}]'
WITHOUT_NOTE = f"patches: [{{target: {{kind: Secret}}, patch: '{REMOVE}'}}]"
OF_SECRET = FROM_SECRET % ""
STRAYS = [
    (f"replacements: [{{{OF_SECRET}, {INTO % ('password', '')}}}]", "data.password"),
    (f"replacements: [{{{OF_SECRET}, {INTO % ('url', PLACE)}}}]", "data.url"),
    ("replacements: [{path: r.yaml}]", "metadata.annotations.at"),
    (f"{VAR}\nconfigurations: [where.yaml]", "data.of"),
    (WITHOUT_NOTE, "stringData.password"),
]


@pytest.mark.parametrize(("more", "where"), STRAYS)
@pytest.mark.usefixtures("kubectl")
def test_encrypted_text_is_no_value_where_nobody_decrypts_it(more: str, where: str) -> None:
    into = "targets: [{select: {kind: ConfigMap}, fieldPaths: [metadata.annotations.at]"
    files = {
        f"{HERE}/kustomization.yaml": f"resources: [a.yaml, b.yaml, db.yaml]\n{more}\n",
        f"{HERE}/a.yaml": MAP % "a",
        f"{HERE}/b.yaml": READER,
        f"{HERE}/db.yaml": sops.as_yaml(sops.sealed(SECRET)),
        f"{HERE}/r.yaml": f"{OF_SECRET}\n{into}, options: {{create: true}}}}]\n",
        f"{HERE}/where.yaml": "varReference: [{kind: ConfigMap, path: data/of}]\n",
    }

    found = rendered(files, decrypt=decrypt)

    assert names(found), "they hide no other"
    for finding in found.findings:
        assert finding.where == f"{HERE}/kustomization.yaml:1"
        assert f"{where} would be encrypted text" in finding.message
    assert len(names(found)) + len(found.findings) == 3
    assert found.findings


@pytest.mark.parametrize("where", ["inline", "file"])
@pytest.mark.usefixtures("kubectl")
def test_no_part_of_an_encrypted_value_is_taken(where: str) -> None:
    part = FROM_SECRET % ", options: {delimiter: '/', index: 0}"
    of = f"{part}\n{INTO % ('password', '')}\n"
    inline = f"[{{{part}, {INTO % ('password', '')}}}]"
    files = {
        f"{HERE}/kustomization.yaml": "resources: [b.yaml, db.yaml]\nreplacements: "
        + (inline if where == "inline" else "[{path: r.yaml}]"),
        f"{HERE}/b.yaml": READER,
        f"{HERE}/db.yaml": sops.as_yaml(sops.sealed(SECRET, mac=CODE)),
        f"{HERE}/r.yaml": f"- {of}".replace("\n", "\n  ").rstrip(" "),
    }

    with pytest.raises(ConfigurationError, match="take a part of a Secret's value"):
        rendered(files)


def test_encrypted_text_without_its_note_is_no_value() -> None:
    value = sops.sealed(SECRET)
    encoded = b64encode(value["stringData"]["password"].encode()).decode()
    files = {
        f"{HERE}/a.yaml": sops.as_yaml({k: v for k, v in value.items() if k != "sops"}),
        f"{HERE}/b.yaml": sops.as_yaml({**SECRET, "data": {"a": encoded}, "stringData": {}}),
        f"{HERE}/c.yaml": (MAP % "told").replace("'1'", f"'SOPS writes {CODE}'"),
    }

    found = rendered(files)

    assert names(found) == ["configmap/told"], "what only speaks of it is a text"
    where = [finding.message.partition(" ")[0] for finding in found.findings]
    assert where == ["Secret/db:", "Secret/db:"]


def test_what_sops_leaves_encrypted_is_an_error_of_its_own() -> None:
    value = {**SECRET, "metadata": {"name": "db", "annotations": {"at": CODE}}}
    file = SealedFile(f"{HERE}/db.yaml", b"", False, False, {})

    with pytest.raises(InvalidState, match="a value stays encrypted"):
        opened(file, lambda _: sops.as_yaml(value).encode())


def test_encrypted_values_of_a_chart_are_refused(helm: Path) -> None:
    values = sops.as_yaml(sops.sealed({"password": "hunter2"}, only=["password"], mac=CODE))
    for path in (f"{HERE}/values-dev.yaml", "shop-dev/values.yaml", f"{HERE}/charts/a/values.yaml"):
        with pytest.raises(ConfigurationError, match=f"{path}:1: SOPS encrypted these values"):
            rendered({f"{HERE}/Chart.yaml": CHART, path: values})
    assert not helm.exists()

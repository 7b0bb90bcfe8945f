"""The reference of gitops.toml and of the user's config says what their readers do."""

from __future__ import annotations

import json
import re
import runpy
import tomllib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import jsonschema
import pytest

from gitops_cli.cli.output import Format
from gitops_cli.domain.forge_links import Forge
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.notify import Event
from gitops_cli.domain.recorded.team import (
    DriftPolicy,
    Mode,
    NewServices,
    Requirement,
    TeamSettings,
    VersionForm,
)
from gitops_cli.domain.recorded.team_file import parse_team
from gitops_cli.domain.setting import Key, SettingKind
from gitops_cli.domain.settings import BadSettings
from gitops_cli.domain.settings_keys import FILES
from gitops_cli.settings import read_user_config, user_config_path

DOCS = Path(__file__).parents[2] / "docs"
MADE = runpy.run_path(str(DOCS / "schema" / "files" / "make.py"))
KEYS = [pytest.param(file, key, id=key.heading) for file, keys in FILES.items() for key in keys]
TABLES = sorted({(f, k.table) for f, keys in FILES.items() for k in keys if k.name != "NAME"})
VALUED = [key for key in FILES["gitops.toml"] if MADE["toml"](key.default) is not None]
WORDS: dict[str, type[StrEnum]] = {
    "events": Event,
    "mode": Mode,
    "drift": DriftPolicy,
    "require": Requirement,
    "form": VersionForm,
    "new_services": NewServices,
    "output": Format,
    "kind": Forge,
}
OF_A_KIND = {
    SettingKind.TEXT: '"a"',
    SettingKind.LIST: '["a"]',
    SettingKind.EITHER: '"a"',
    SettingKind.FLAG: "true",
}
OF_A_KIND |= {SettingKind.NUMBER: "1"}

TYPE = 'type = "https://slsa.dev/provenance/v1"'
IDENTITY, ISSUER = 'identity = "carol@example.com"', 'issuer = "https://accounts.google.com"'

# What a key needs beside it.
NEEDED = {
    "path": 'source = "/srv/mono.git"',
    "plan": 'apply = ["a"]\ndirectory = "d"',
    "apply": 'plan = ["a"]\ndirectory = "d"',
    "inventory": 'ansible = "d/site.yml"',
    "command": 'directory = "d"',
    "expect": 'url = "https://ci.test"',
    "step.directory": 'plan = ["a"]\napply = ["a"]',
    **dict.fromkeys(("step.files", "step.env", "step.timeout"), 'tofu = "infra"'),
    **dict.fromkeys(("vars", "workspace", "produces"), 'tofu = "infra"'),
    "check.directory": 'command = ["a"]',
    **dict.fromkeys(("check.files", "check.env"), 'command = ["a"]\ndirectory = "d"'),
    "check.timeout": 'job = "e2e"',
    "type": 'key = "keys/cosign.pub"',
    "attestation.key": TYPE,
    "signature.identity": ISSUER,
    "signature.issuer": IDENTITY,
    "signature.trusted_root": f"{IDENTITY}\n{ISSUER}",
    "attestation.identity": f"{TYPE}\n{ISSUER}",
    "attestation.issuer": f"{TYPE}\n{IDENTITY}",
    "attestation.trusted_root": f"{TYPE}\n{IDENTITY}\n{ISSUER}",
}

Read = Callable[[str, str], object]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return what reads a text as a file of that name, as the commands do."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    user_config_path().parent.mkdir()

    def as_file(name: str, text: str) -> object:
        if name == "gitops.toml":
            team = parse_team(RawFile(name, text.encode()))
            if team.defects:
                raise BadSettings(*team.defects)
            return team
        user_config_path().write_text(text)
        found = read_user_config()
        if found.defects:
            raise BadSettings(*found.defects)
        return found

    return as_file


def written(key: Key, value: str) -> str:
    """Return a file with a key of that value, and with what it needs."""
    table = re.sub("[A-Z]+", "production", key.table)
    kind = table.split(".")[-2] if table.count(".") > 1 else ""
    needed = NEEDED.get(key.name) or NEEDED.get(f"{kind}.{key.name}") or ""
    needed = needed or NEEDED.get(f"{table.rpartition('.')[2]}.{key.name}", "")
    return f"[{table}]\n{needed}\n{key.name} = {value}\n" if table else f"{key.name} = {value}\n"


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_the_tables_have_the_keys_that_are_read(read: Read, file: str, table: str) -> None:
    unknown = Key(table, "0", SettingKind.FLAG, "", "", "")
    with pytest.raises(BadSettings, match="unknown key") as error:
        read(file, written(unknown, "true"))
    known = (error.value.hint or "").removeprefix("known: ").split(", ")
    inside = f"{table}." if table else ""
    tables = [key.table.removeprefix(inside) for key in FILES[file] if key.table != table]
    below = {name.partition(".")[0] for name in tables if name and inside in ("", "stage.NAME.")}
    below -= {"stage", "service", "versions", "commit", "notify"} if table else set()
    listed = {key.name for key in FILES[file] if key.table == table}
    assert listed | below == set(known), "write its line in gitops_cli/domain/settings_keys.py"


@pytest.mark.parametrize(("file", "key"), KEYS)
def test_an_example_is_accepted(read: Read, file: str, key: Key) -> None:
    assert read(file, written(key, key.example)) != read(file, "")


@pytest.mark.parametrize(("file", "key"), KEYS)
def test_only_the_kind_that_is_told_is_accepted(read: Read, file: str, key: Key) -> None:
    accepted = (
        {SettingKind.TEXT, SettingKind.LIST} if key.kind is SettingKind.EITHER else {key.kind}
    )
    for kind in set(SettingKind) - accepted - {SettingKind.EITHER}:
        with pytest.raises(BadSettings, match="must be"):
            read(file, written(key, OF_A_KIND[kind]))


@pytest.mark.parametrize("key", VALUED, ids=lambda key: key.heading)
def test_a_default_that_is_a_value_changes_nothing(read: Read, key: Key) -> None:
    said = written(key, key.default)
    unsaid = said.replace(f"{key.name} = {key.default}", "")
    with_it, without = (_settled(read("gitops.toml", text)) for text in (said, unsaid))
    assert with_it == without


def _settled(team: object) -> TeamSettings:
    """Return settings without the lines they stand in."""
    assert isinstance(team, TeamSettings)
    return team._replace(rules={name: r._replace(lines={}) for name, r in team.rules.items()})


@pytest.mark.parametrize(("file", "key"), KEYS)
def test_a_choice_has_all_its_words(file: str, key: Key) -> None:
    assert set(key.words) == set(WORDS.get(key.name, ()))


def test_the_page_and_the_schemas_are_made_of_the_same_tables() -> None:
    page = MADE["PAGE"].read_text()
    assert page == MADE["page"](page), "run `make pictures`"
    for file in FILES:
        path = DOCS / "schema" / "files" / f"{file.removesuffix('.toml')}.json"
        assert path.read_text() == MADE["schema"](file), "run `make pictures`"


def schema(file: str) -> jsonschema.Draft7Validator:
    found = json.loads(MADE["schema"](file))
    jsonschema.Draft7Validator.check_schema(found)
    return jsonschema.Draft7Validator(found)


@pytest.mark.parametrize(("file", "key"), KEYS)
def test_the_schema_takes_what_the_reader_takes(file: str, key: Key) -> None:
    checked = schema(file)
    assert not list(checked.iter_errors(tomllib.loads(written(key, key.example))))
    misspelt = key._replace(name=f"{key.name}x")
    assert key.name == "NAME" or list(
        checked.iter_errors(tomllib.loads(written(misspelt, key.example)))
    )
    of_no_kind = "1.5"
    assert list(checked.iter_errors(tomllib.loads(written(key, of_no_kind))))


def test_the_pages_examples_are_read(read: Read) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", MADE["PAGE"].read_text(), re.DOTALL | re.MULTILINE)
    files = ["gitops.toml", "config.toml", "gitops.toml"]
    assert len(blocks) == len(files)
    for file, block in zip(files, blocks, strict=True):
        read(file, block)
        assert not list(schema(file).iter_errors(tomllib.loads(block)))

"""Every command's JSON has a published schema, and is what it says."""

from __future__ import annotations

import ast
import csv
import io
import json
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.cli.test_calls import CALLS
from tests.render.test_page import check_safe
from tests.testbed import schemas
from tests.testbed.article import Article
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

PACKAGE = Path(__file__).parents[2] / "gitops_cli"

KINDS = {name: call.kind for name, call in CALLS.items()}
# Failures, `help TOPIC`, events, `promote --all` of several projects, what changes a cluster, and
# what a webhook gets.
OTHERS = {"error", "exit-codes", "variables", "formats", "keys", "patch", "promotions", "restore"}
OTHERS |= {"recorded-diff", "trust", "notice"}


def test_no_command_is_without_a_schema() -> None:
    published = {path.stem for path in schemas.DIRECTORY.glob("*.json")}
    wanted = {kind for kind in KINDS.values() if kind} | OTHERS
    assert not wanted - published, f"write docs/schema/X.json for: {wanted - published}"
    assert not published - wanted, f"no command in tests/cli/test_calls.py: {published - wanted}"


def test_every_kind_in_the_code_is_published() -> None:
    found = set()
    for path in (*PACKAGE.glob("render/*.py"), *PACKAGE.glob("*/view.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "View":
                kind = node.args[0]
                found |= {kind.value} if isinstance(kind, ast.Constant) else set()
    missing = found - {path.stem for path in schemas.DIRECTORY.glob("*.json")}
    assert not missing, f"docs/schema needs a file for each of: {', '.join(sorted(missing))}"
    assert len(found) > 20


@pytest.mark.parametrize("path", sorted(schemas.DIRECTORY.glob("*.json")), ids=lambda p: p.stem)
def test_the_schemas_are_schemas(path: Path) -> None:
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["kind"] == {"const": path.stem}
    assert schema["$id"] == f"urn:gitops-cli:v1:{path.stem}"
    assert set(schema["required"]) >= {"apiVersion", "kind"}


def test_the_index_is_the_schemas_own() -> None:
    index = runpy.run_path(str(schemas.DIRECTORY / "index.py"))
    assert index["PAGE"].read_text() == index["index"](), "run `make pictures`"


@pytest.fixture
def state(gitops: Gitops, article: Article) -> Gitops:
    sources = "".join(
        f'[service.{service}]\nsource = "{source.remote}"\n'
        for (project, service), source in article.sources.items()
        if project == "project1"
    )
    clone = article.clone()
    (clone / "gitops.toml").write_text(sources)
    here = gitops.at(clone)
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "Settings")
    git(clone, "push", "-q")
    return here


@pytest.mark.sweep
def test_documents_of_the_commands_that_need_git_only(state: Gitops, article: Article) -> None:
    dev, production = article.environment("development"), article.environment("production")
    seen = set()

    def run(*arguments: str) -> None:
        ran = state(*arguments, "-o", "json")
        assert ran.code == 0, str(ran)
        kind = ran.json()["kind"]
        seen.add(kind)
        path = " ".join(arguments[:2]) if " ".join(arguments[:2]) in KINDS else arguments[0]
        assert kind == KINDS[path] or arguments[0] == "help"

    run("set", f"billing={'a' * 40}", "-e", dev, "--dry-run", "--allow-older")
    run("set", f"billing={'a' * 40}", "-e", dev, "--allow-older", "-m", "why")
    run("set", f"billing={'a' * 40}", "-e", dev)
    run("promote", "orders", "authentication", "--from", dev, "--to", production, "--dry-run")
    run("promote", "orders", "--from", dev, "--to", production, "--yes")
    run("rollback", "orders", "-e", production, "--yes", "--hold", "-m", "bad")
    run("lock", "billing", "-e", production, "--until", "2h", "-m", "audit")
    run("lock", "-e", production, "-m", "all")
    run("status")
    run("history", "-n0")
    run("log", "billing")
    run("unlock", "-e", production)
    run("env", "list")
    run("env", "add", "shop-qa", "--images-path", "r/", "--dry-run")
    run("env", "copy", dev, article.environment("qa"))
    run("validate", "--strict")
    run("lint")
    run("config", "list")
    run("doctor", "--no-registry", "--no-cluster")
    run("help")
    for topic in ("exit-codes", "environment", "formats", "gitops.toml", "config.toml"):
        run("help", topic)
    run("version")
    run("init", "new", "-p", "shop", "--images-path", "r/")
    assert seen >= {"recording", "promotion", "rollback", "lock", "environment", "variables"}


SHOWN = [
    ("set", "billing=" + "a" * 40, "-e", "{dev}", "--dry-run", "--allow-older"),
    ("promote", "--all", "--from", "{dev}", "--to", "{staging}", "--dry-run"),
    ("rollback", "orders", "-e", "{prod}", "--dry-run"),
    ("lock", "orders", "-e", "{prod}", "-m", "audit", "--dry-run"),
    ("status",),
    ("history", "-n3"),
    ("env", "list"),
    ("env", "add", "shop-qa", "--images-path", "r/", "--dry-run"),
    ("env", "copy", "{dev}", "shop-qa", "--dry-run"),
    ("validate",),
    ("config", "list"),
    ("doctor", "--no-registry", "--no-cluster"),
    ("help",),
    ("help", "exit-codes"),
    ("version",),
]


@pytest.mark.sweep
@pytest.mark.parametrize("arguments", SHOWN, ids=" ".join)
def test_every_form_of_every_command(
    state: Gitops, article: Article, arguments: tuple[str, ...]
) -> None:
    stages = {"dev": "development", "staging": "staging", "prod": "production"}
    names = {short: article.environment(stage) for short, stage in stages.items()}
    words = [word.format(**names) for word in arguments]
    forms = ("table", "wide", "markdown", "json", "yaml", "jsonl", "csv", "name")

    shown = {form: state(*words, "-o", form).ok().stdout for form in forms}

    as_json, as_yaml = json.loads(shown["json"]), yaml.safe_load(shown["yaml"])
    for document in (as_json, as_yaml):
        schemas.check(document)
    assert as_json.keys() == as_yaml.keys()
    assert (as_json["apiVersion"], as_json["kind"]) == (as_yaml["apiVersion"], as_yaml["kind"])
    [line] = shown["jsonl"].splitlines()
    assert json.loads(line).keys() == as_json.keys()
    rows = list(csv.reader(io.StringIO(shown["csv"], newline="")))
    assert all(len(row) == len(rows[0]) for row in rows)
    assert all(line.strip() for line in shown["name"].splitlines())
    assert (len(rows) > 1) == bool(shown["name"])
    check_safe(state(*words, "-o", "html").ok().stdout)
    for form in ("table", "wide", "markdown"):
        assert shown[form].strip()
        assert "\x1b" not in shown[form]
        assert as_json["apiVersion"] not in shown[form], "for people"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_errors_are_documents_on_stderr(state: Gitops, form: str) -> None:
    ran = state("status", "nothing", "-o", form)
    assert (ran.code, ran.stdout) == (2, "")
    document = json.loads(ran.stderr) if form == "json" else yaml.safe_load(ran.stderr)
    schemas.check(document)
    assert (document["code"], document["exit_code"]) == ("unknown-service", 2)


def test_an_error_is_one_line_where_documents_are(state: Gitops) -> None:
    [line] = state("status", "nothing", "-o", "jsonl").stderr.splitlines()
    schemas.check(json.loads(line))
    assert state("status", "nothing", "-o", "csv").stderr.startswith("error: ")


def test_a_query_names_a_part_of_the_document(state: Gitops, article: Article) -> None:
    every = "environments[].environment"
    listed = state("env", "list", "--query", every).ok().stdout.split()
    assert listed == state("env", "list", "-o", "name").ok().stdout.split()
    assert state("env", "list", "--query", every, "-o", "json").ok().json() == listed
    assert yaml.safe_load(state("--query", every, "env", "list", "-o", "yaml").stdout) == listed


def test_a_wrong_query_ends_before_anything_is_written(state: Gitops, article: Article) -> None:
    dev, before = article.environment("development"), git(article.remote, "rev-parse", "main")
    lock = ("lock", "-e", dev, "-m", "why")

    for query, form in (("locks[", "json"), ("lenght(locks)", "json"), ("locks", "csv")):
        ran = state(*lock, "--query", query, "-o", form)
        assert (ran.code, ran.stdout) == (2, "")
        assert "--query: " in ran.stderr
    assert git(article.remote, "rev-parse", "main") == before


def test_what_was_done_is_told_though_the_query_cannot_take_it(
    state: Gitops, article: Article
) -> None:
    dev = article.environment("development")
    # Of what is asked before the write, the commit is noughts.
    query = "starts_with(commit, '00000000') || abs(commit)"
    ran = state("lock", "-e", dev, "-m", "why", "--query", query).ok()

    assert ran.json()["changed"] is True
    assert ran.stderr.startswith("warning: --query: ")


@pytest.mark.parametrize("arguments", [("status",), ("history", "-n3"), ("env", "list")])
def test_yaml_is_the_same_document(state: Gitops, arguments: tuple[str, ...]) -> None:
    def settled(document: Any) -> Any:
        text = json.dumps(document)
        document = json.loads(text)
        for entry in document.get("entries", ()):
            entry.pop("lived_seconds")
        return document

    as_yaml = yaml.safe_load(state(*arguments, "-o", "yaml").ok().stdout)
    assert settled(as_yaml) == settled(state(*arguments, "-o", "json").ok().json())


def test_a_document_never_shortens_a_hash(state: Gitops, article: Article) -> None:
    out = state("status", "-o", "json").ok().stdout
    assert all(
        f'"{version}"' in out for version in article.recorded(article.environments[0]).values()
    )

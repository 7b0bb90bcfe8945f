"""The shell agent: written by init, taken by the API server, careful with what it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gitops_cli.operations.shell_agent import shell_agent
from tests.agent.world import apply
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube

URL = "ssh://git@git.example.com/acme/environments-state.git"
HASH = "36a03b3f4c8ba4fc0bdcc529450e557ae08c12f2"


def test_init_writes_it_for_every_environment(gitops: Gitops, tmp_path: Path) -> None:
    gitops.at(tmp_path)(
        "init",
        "state",
        "--project=shop",
        "--images-path=r.example.com/shop/",
        "--agent=shell",
        "--agent-repo",
        URL,
    ).ok()

    written = sorted(p.name for p in (tmp_path / "state" / "sync-agent").iterdir())
    assert written == [
        "README.md",
        "shop-development.yaml",
        "shop-production.yaml",
        "shop-staging.yaml",
        "sync.sh",
    ]
    gitops.at(tmp_path / "state")("validate").ok()


@pytest.mark.parametrize(
    "url", [None, "https://ada:hunter2@h.example/x.git", "https://h.example/x.git?token=hunter2"]
)
def test_without_a_url_for_everybody_it_says_which_option_to_pass(
    gitops: Gitops, tmp_path: Path, url: str | None
) -> None:
    options = ["--project=shop", "--images-path=r.example.com/shop/", "--agent=shell"]
    options += [] if url is None else ["--agent-repo", url]
    ran = gitops.at(tmp_path)("init", "state", *options)

    assert ran.code == 2
    assert "--agent-repo" in ran.stderr
    assert not (tmp_path / "state").exists()


def test_the_api_server_takes_the_manifests(kube: Kube, namespace: str) -> None:
    text = shell_agent([namespace], URL)[f"sync-agent/{namespace}.yaml"]

    assert set(apply(kube, text)) == {"created"}
    assert [d["kind"] for d in yaml.safe_load_all(text)] == [
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "CronJob",
    ]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a clone with the script, and a kubectl that writes down how it was called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").write_text(
        '#!/bin/sh\nprintf "%s|" "$@" >>"$CALLS"\necho >>"$CALLS"\n'
        'case "$*" in *broken*) exit 1 ;; esac\n'
    )
    (programs / "kubectl").chmod(0o755)
    directory = tmp_path / "state"
    for path, text in shell_agent(["shop-production"], URL).items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    environment = directory / "shop-production"
    environment.mkdir()
    (environment / "images_path").write_text("r.example.com/shop/\n")
    return directory


def run(state: Path) -> tuple[int, list[str], str]:
    calls = state.parent / "calls"
    calls.unlink(missing_ok=True)
    variables = {"PATH": f"{state.parent / 'bin'}:{os.environ['PATH']}", "CALLS": str(calls)}
    done = subprocess.run(
        ["sh", state / "sync-agent" / "sync.sh"],
        env=variables | {"NAMESPACE": "shop-production"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, calls.read_text().splitlines() if calls.exists() else [], done.stderr


def test_the_script_sets_one_image_per_file(state: Path) -> None:
    environment = state / "shop-production"
    (environment / "web.deployment").write_text(f"{HASH}\n")
    (environment / "db.statefulset").write_text(f"  {HASH}@sha256:{'a' * 64}\r\n")

    code, calls, said = run(state)

    assert (code, said) == (0, "")
    start = "--namespace|shop-production|set|image"
    assert calls == [
        f"{start}|deployment/web|web=r.example.com/shop/web:{HASH}|",
        f"{start}|statefulset/db|db=r.example.com/shop/db:{HASH}@sha256:{'a' * 64}|",
    ]


def test_the_script_runs_nothing_that_a_file_says(state: Path) -> None:
    environment = state / "shop-production"
    (environment / "web.deployment").write_text("$(touch /tmp/x); rm -rf ~ # --all\n")
    (environment / "--all=x.deployment").write_text(f"{HASH}\n")
    (environment / "link.deployment").symlink_to("/etc/passwd")
    (environment / "empty.deployment").write_text("\n")
    (environment / "good.deployment").write_text(f"{HASH}\n")

    code, calls, said = run(state)

    assert code == 1
    assert [call.split("|")[4] for call in calls] == ["deployment/good"]
    assert "web.deployment: holds no version" in said
    assert "empty.deployment: holds no version" in said


@pytest.mark.parametrize("target", ["good.deployment", "nowhere"])
def test_the_script_names_a_symbolic_link(state: Path, target: str) -> None:
    environment = state / "shop-production"
    (environment / "web.deployment").symlink_to(target)
    (environment / "good.deployment").write_text(f"{HASH}\n")

    code, calls, said = run(state)

    assert (code, said) == (1, "shop-production/web.deployment: is a symbolic link\n")
    assert [call.split("|")[4] for call in calls] == ["deployment/good"]


def test_one_service_that_fails_does_not_stop_the_others(state: Path) -> None:
    for name in ("broken", "good"):
        (state / "shop-production" / f"{name}.deployment").write_text(f"{HASH}\n")

    code, calls, said = run(state)

    assert code == 1
    assert len(calls) == 2
    assert "broken.deployment: could not be applied" in said


@pytest.mark.parametrize(
    "content", [f"{HASH}\n{HASH[::-1]}\n", "<<<<<<< ours\n", "a b\n", "", "\n\n"]
)
def test_the_script_makes_no_version_of_several_words(state: Path, content: str) -> None:
    (state / "shop-production" / "web.deployment").write_text(content)
    (state / "shop-production" / "good.deployment").write_text(f"\n {HASH}\r\n")

    code, calls, said = run(state)

    assert code == 1
    assert [call.split("|")[5] for call in calls] == [f"good=r.example.com/shop/good:{HASH}"]
    assert "web.deployment: holds no version" in said


@pytest.mark.parametrize(
    "content", ["", "\n", "r.example.com/shop", "r/a/\nr/b/\n", "$(id)/", None]
)
def test_the_script_sets_nothing_without_a_path_of_images(state: Path, content: str | None) -> None:
    """Without one `web` would be a public image of that name."""
    environment = state / "shop-production"
    (environment / "web.deployment").write_text(f"{HASH}\n")
    if content is None:
        (environment / "images_path").unlink()
    else:
        (environment / "images_path").write_text(content)

    code, calls, said = run(state)

    assert (code, calls) == (1, [])
    assert "images_path: holds no path of images" in said


def test_the_script_is_clean_to_shellcheck(state: Path) -> None:
    command = [Path(sys.executable).with_name("shellcheck"), state / "sync-agent" / "sync.sh"]
    subprocess.run(command, check=True)

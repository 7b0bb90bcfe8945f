"""Which engine is taken, and what is said of one that fails; real engines are in tests/node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_cli.builder.engine import find_builder
from gitops_cli.builder.process import TAIL, run
from gitops_cli.domain.errors import (
    BuilderUnreachable,
    BuildFailed,
    ConfigurationError,
    Denied,
    RegistryError,
)
from gitops_cli.domain.image import parse_image
from gitops_cli.domain.release.building import BuildRequest, Engine

IMAGE = parse_image("registry.example.com/shop/web:1")


def install(directory: Path, name: str, script: str) -> dict[str, str]:
    """Write a stand-in and return the environment in which it is the only program."""
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"PATH": str(directory)}


ANSWERS = "echo 1.2.3"
SILENT = "echo cannot connect >&2; exit 1"


@pytest.mark.parametrize(
    ("docker", "podman", "expected"),
    [
        (ANSWERS, ANSWERS, Engine.DOCKER),
        (SILENT, ANSWERS, Engine.PODMAN),
        (None, ANSWERS, Engine.PODMAN),
        (ANSWERS, None, Engine.DOCKER),
    ],
)
def test_docker_if_it_answers_else_podman(
    tmp_path: Path, docker: str | None, podman: str | None, expected: Engine
) -> None:
    environ = {"PATH": str(tmp_path)}
    for name, script in (("docker", docker), ("podman", podman)):
        if script is not None:
            environ = install(tmp_path, name, script)

    assert find_builder(None, environ, None, tmp_path).engine is expected


def test_the_wanted_one_or_none(tmp_path: Path) -> None:
    environ = install(tmp_path, "docker", ANSWERS)

    with pytest.raises(ConfigurationError, match="podman is not installed"):
        find_builder(Engine.PODMAN, environ, None, tmp_path)


def test_none_is_installed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither docker nor podman is installed"):
        find_builder(None, {"PATH": str(tmp_path)}, None, tmp_path)


def test_none_answers(tmp_path: Path) -> None:
    install(tmp_path, "docker", SILENT)
    environ = install(tmp_path, "podman", SILENT)

    with pytest.raises(BuilderUnreachable, match="docker and podman cannot reach"):
        find_builder(None, environ, None, tmp_path)


@pytest.mark.parametrize(
    ("said", "error", "hint"),
    [
        ("denied: requested access to the resource is denied", Denied, "docker login"),
        ("unauthorized: authentication required", Denied, "docker login"),
        ("received unexpected HTTP status: 503", RegistryError, "run it again"),
        ("server gave HTTP response to HTTPS client", RegistryError, "insecure-registries"),
        (
            "tls: failed to verify certificate: x509: signed by unknown authority",
            RegistryError,
            "/etc/docker/certs.d/registry.example.com/",
        ),
    ],
)
def test_why_a_push_fails(
    tmp_path: Path, said: str, error: type[RegistryError | Denied], hint: str
) -> None:
    environ = install(
        tmp_path, "docker", f"[ $1 = version ] && echo 1 || {{ echo {said}; exit 1; }}"
    )
    lines: list[str] = []
    builder = find_builder(None, environ, lines.append, tmp_path)

    with pytest.raises(error) as caught:
        builder.push(IMAGE, plain_http=False)

    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
    assert lines == [said]


def test_docker_without_buildkit_is_told_what_to_install(tmp_path: Path) -> None:
    script = "[ $1 = version ] && echo 1 || { echo 'unknown flag: --secret'; exit 125; }"
    builder = find_builder(None, install(tmp_path, "docker", script), lambda _: None, tmp_path)
    request = BuildRequest(tmp_path, tmp_path / "Dockerfile", secrets=["id=npm,env=TOKEN"])

    with pytest.raises(BuildFailed) as caught:
        builder.build(IMAGE, request, plain_http=False)

    assert "docker-buildx" in (caught.value.hint or "")


def test_only_the_last_lines_are_kept_and_none_acts(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); done; printf 'a\\033[2Jb\\n'"
    install(tmp_path, "noisy", script)

    done = run([str(tmp_path / "noisy")], {}, lines.append, tmp_path)

    assert len(lines) == 41
    assert len(done.last) == TAIL
    assert done.last[-1] == r"a\x1b[2Jb"


def test_an_interrupt_ends_the_engines_client(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    install(tmp_path, "slow", f"echo $$ > {mark}; echo started; exec sleep 100")
    code = (
        "from pathlib import Path\nfrom gitops_cli.builder.process import run\n"
        f"run([{str(tmp_path / 'slow')!r}], {{'PATH': '/bin:/usr/bin'}}, "
        "lambda line: print(line, flush=True), Path('/'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"  # it listens to its client by now
        process.send_signal(signal.SIGINT)
        process.wait(10)

    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)

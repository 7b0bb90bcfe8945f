"""Programs that render: the real kubectl, and a stand-in for helm."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.manifests.shop import MAP
from tests.testbed import controlplane, sops

TOOL = """#!/bin/sh
[ -z "$PATH" ] || exit 9
PATH=/usr/bin:/bin
{ echo "$@"; env; ls -R; } > %s
cat %s
"""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the real kubectl be the only program that renders."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "kubectl").symlink_to(controlplane.binary("kubectl"))
    sops.install(tools)
    monkeypatch.setenv("PATH", str(tools))


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for helm with a script that notes how it was started; return its notes."""
    tools, notes, answer = tmp_path / "tools", tmp_path / "notes", tmp_path / "answer"
    tools.mkdir()
    answer.write_text(MAP % "templated")
    (tools / "helm").write_text(TOOL % (notes, answer))
    (tools / "helm").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", "/home/ada/.kube/config")
    monkeypatch.setenv("HOME", "/home/ada")
    return notes

"""Programs of Go modules are built once, and a build that fails says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed import golang, programs


@pytest.mark.parametrize(
    ("found", "wanted", "machines"),
    [("go1.26.8", "1.26.6", True), ("go1.26.5", "1.26.6", False), ("go1.27", "1.26.6", True)],
)
def test_a_machines_go_is_used_where_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str, wanted: str, machines: bool
) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho {found}\n")
    go.chmod(0o755)
    wheel = tmp_path / "cache" / "gitops-cli" / golang.GO_WHEEL.replace("==", "-") / "bin" / "go"
    wheel.parent.mkdir(parents=True)
    wheel.touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    assert golang.go_toolchain(f"module x\n\ngo {wanted}\n") == str(go if machines else wheel)


def test_each_module_names_the_package_of_its_program() -> None:
    packages = {name: programs.package(name) for name in programs.names()}

    assert packages["sops"] == "github.com/getsops/sops/v3/cmd/sops"
    assert all((programs.MODULES / name / "go.sum").exists() for name in packages)

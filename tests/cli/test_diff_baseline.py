"""`gitops diff --baseline` on the real API server: known drift is exit 0, new drift is 1."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.live import NEW, OLD, Live, image
from tests.render.test_page import check_safe


def test_known_drift_is_no_difference_until_it_is_another_one(behind: Live, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    wanted = ("--baseline", str(file))
    written = behind.diff(*wanted, "--write-baseline").ok()
    assert "known.json: 1 known difference" in written.stderr
    [entry] = json.loads(file.read_text())["known"]
    assert entry == {
        "environment": behind.namespace,
        "what": "web",
        "state": "differs",
        "live": image("web", OLD),
    }

    known = behind.diff(*wanted).ok()
    assert f"known: {behind.namespace}: web differs" in known.stdout
    assert "0 new differences, 1 known" in known.stderr
    document = behind.diff(*wanted, "-o", "json").ok().json()
    assert document["in_sync"] is False
    assert document["baseline"] == {"known": [entry], "new": [], "gone": []}
    assert "known: " in behind.diff(*wanted, "-o", "markdown").ok().stdout
    assert "known: " in check_safe(behind.diff(*wanted, "-o", "html").ok().stdout).text

    behind.record({"web.deployment": OLD, "api.deployment": NEW})
    new = behind.diff(*wanted)
    assert new.code == 1
    assert f"new: {behind.namespace}: api missing" in new.stdout
    assert f"gone: {behind.namespace}: web differs" in new.stdout
    assert "1 difference is gone" in new.stderr
    behind.diff(*wanted, "--no-exit-code").ok()


def test_what_is_wrong_with_the_file(behind: Live, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    for arguments, said in (
        (("--write-baseline",), "--write-baseline: where to?"),
        (("--baseline", str(file)), "No such file"),
        (("--baseline", str(tmp_path)), "Is a directory"),
    ):
        ran = behind.diff(*arguments)
        assert (ran.code, ran.stdout) == (2, "")
        assert said in ran.stderr
    file.write_text("{\n]")
    ran = behind.diff("--baseline", str(file))
    assert (ran.code, ran.stdout) == (2, "")
    assert "known.json:2: no JSON" in ran.stderr
    assert "--write-baseline makes it anew" in ran.stderr
    file.write_bytes(b"\xff\xfe")
    assert "is no text" in behind.diff("--baseline", str(file)).stderr


def test_what_could_not_be_told_is_not_written(behind: Live, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    away = behind.gitops.using(KUBECONFIG=str(tmp_path / "nowhere"))
    ran = away("diff", behind.namespace, "--baseline", file, "--write-baseline")
    assert ran.code > 1
    assert not file.exists()
    assert "is as it was" in ran.stderr

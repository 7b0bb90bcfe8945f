"""`gitops sandbox`: up, env and down in processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.testbed.gitops import Gitops
from tests.testbed.patience import PATIENCE, eventually

pytestmark = pytest.mark.sweep


@pytest.fixture
def ground(gitops: Gitops, tmp_path: Path) -> Iterator[Path]:
    """Return a directory for a sandbox; one that is still up at the end is taken down."""
    directory = tmp_path / "ground here"
    yield directory
    if directory.exists():
        gitops("sandbox", "down", "--dir", directory)


def request(server: str, method: str = "GET", path: str = "") -> int:
    url = urlsplit(server)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=PATIENCE)
    try:
        connection.request(method, f"{url.path}{path}")
        return connection.getresponse().status
    finally:
        connection.close()


def server_of(kubeconfig: Path) -> str:
    return str(yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])


def gone(pid: int) -> bool:
    """Tell whether a process has ended; one that only nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:  # ended, or no Linux
        return not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_up_makes_everything_and_says_what_to_do(gitops: Gitops, ground: Path):
    done = gitops("sandbox", "up", "--dir", ground).ok()

    assert done.stdout.startswith("The sandbox is up.\n")
    assert f"eval \"$(gitops sandbox env --dir '{ground}')\"" in done.stdout
    made = {path.name for path in ground.iterdir() if not path.name.startswith(".")}
    assert made - {"home"} == {  # which the agents' rounds make
        "environments-state",
        "environments-state.git",
        "sources",
        "kubeconfig",
        "server.json",
        "server.log",
    }
    assert (ground / "server.log").read_text() == ""


def test_up_again_changes_nothing_and_says_so(gitops: Gitops, ground: Path):
    first = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()
    second = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()

    assert (first["changed"], second["changed"]) == (True, False)
    assert second | {"changed": True} == first
    assert (
        gitops("sandbox", "up", "--dir", ground)
        .ok()
        .stdout.startswith("The sandbox was up already.\n")
    )


def test_several_at_once_start_one(gitops: Gitops, ground: Path):
    started = [gitops.start("sandbox", "up", "--dir", ground, "-o", "json") for _ in range(3)]
    answers = []
    for process in started:
        with process:
            stdout, stderr = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, stderr
            answers.append(json.loads(stdout))

    assert len({answer["pid"] for answer in answers}) == 1
    assert sorted(answer["changed"] for answer in answers) == [False, False, True]


def test_env_points_a_shell_at_it(gitops: Gitops, ground: Path):
    gitops("sandbox", "up", "--dir", ground).ok()

    script = gitops("sandbox", "env", "--dir", ground).ok().stdout
    shown = subprocess.run(
        ["sh", "-c", f'{script}printf "%s\\n" "$GITOPS_REPO" "$KUBECONFIG"'],
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.splitlines() == [
        str(ground / "environments-state"),
        str(ground / "kubeconfig"),
    ]


def test_env_speaks_fish_and_json(gitops: Gitops, ground: Path):
    gitops("sandbox", "up", "--dir", ground).ok()
    fish = gitops.using(SHELL="/usr/bin/fish")

    asked = gitops("sandbox", "env", "--dir", ground, "--shell", "fish").ok()
    found = fish("sandbox", "env", "--dir", ground).ok()
    document = gitops("sandbox", "env", "--dir", ground, "-o", "json").ok().json()

    assert asked.stdout == found.stdout
    assert asked.stdout.startswith("set -gx GITOPS_REPO ")
    assert document["environment"]["KUBECONFIG"] == str(ground / "kubeconfig")


def test_env_without_a_sandbox_is_an_error_that_a_shell_does_not_evaluate(
    gitops: Gitops, ground: Path
):
    done = gitops("sandbox", "env", "--dir", ground)

    assert (done.code, done.stdout) == (2, "")
    assert f"hint: gitops sandbox up --dir '{ground}'" in done.stderr


def test_down_leaves_nothing(gitops: Gitops, ground: Path):
    up = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()
    server = server_of(ground / "kubeconfig")

    done = gitops("sandbox", "down", "--dir", ground).ok()

    assert done.stdout == f"Removed {ground}.\n"
    assert not ground.exists()
    eventually_gone(up["pid"])
    with pytest.raises(ConnectionRefusedError):
        request(server, path="/version")


def test_down_without_a_sandbox_is_done(gitops: Gitops, ground: Path):
    done = gitops("sandbox", "down", "--dir", ground, "-o", "json").ok()

    assert done.json()["changed"] is False
    assert not ground.exists()


def test_down_leaves_files_of_others(gitops: Gitops, ground: Path):
    gitops("sandbox", "up", "--dir", ground).ok()
    (ground / "notes").write_text("mine")

    done = gitops("sandbox", "down", "--dir", ground).ok()

    assert "left alone" in done.stdout
    assert [path.name for path in ground.iterdir()] == ["notes"]


@pytest.mark.parametrize("action", ["up", "down"])
def test_a_directory_of_somebody_else_is_not_touched(gitops: Gitops, ground: Path, action: str):
    ground.mkdir()
    (ground / "environments-state").mkdir()
    (ground / "environments-state" / "mine").write_text("mine")

    done = gitops("sandbox", action, "--dir", ground)

    assert done.code == (2 if action == "up" else 0)
    assert (ground / "environments-state" / "mine").read_text() == "mine"
    assert [path.name for path in ground.iterdir()] == ["environments-state"]
    shutil.rmtree(ground)


def test_up_where_a_file_is_says_so(gitops: Gitops, tmp_path: Path):
    file = tmp_path / "file"
    file.touch()

    done = gitops("sandbox", "up", "--dir", file / "below")

    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {file / 'below'}: ")


def test_the_default_is_the_users_cache(gitops: Gitops):
    made = gitops("sandbox", "up", "-o", "json").ok().json()

    assert made["directory"] == str(gitops.home / "cache" / "gitops" / "sandbox")
    gitops("sandbox", "down").ok()
    assert not Path(made["directory"]).exists()


def test_the_secret_stays_in_files_of_the_user(gitops: Gitops, ground: Path):
    done = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok()
    secret = urlsplit(server_of(ground / "kubeconfig")).path.strip("/")

    assert len(secret) == 32
    assert secret not in done.stdout + done.stderr
    for name in ("kubeconfig", "server.json"):
        assert stat.S_IMODE((ground / name).stat().st_mode) == 0o600
    command_line = Path(f"/proc/{done.json()['pid']}/cmdline")
    if sys.platform == "linux":
        assert secret not in command_line.read_text()


def test_without_the_secret_nothing_is_answered(gitops: Gitops, ground: Path):
    gitops("sandbox", "up", "--dir", ground).ok()
    server = server_of(ground / "kubeconfig")
    url = urlsplit(server)

    assert request(server, path="/version") == 200
    assert request(f"http://{url.netloc}", path="/version") == 401
    assert request(f"http://{url.netloc}/{'0' * 32}", path="/version") == 401
    assert request(f"http://{url.netloc}", "DELETE", "/gitops-sandbox") == 401
    assert url.hostname == "127.0.0.1"
    assert request(server, path="/version") == 200


def test_a_killed_server_is_started_again_with_what_is_recorded(gitops: Gitops, ground: Path):
    first = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()
    head = (ground / "environments-state.git" / "refs" / "heads" / "main").read_text()
    os.kill(first["pid"], 9)
    eventually_gone(first["pid"])
    assert gitops("sandbox", "env", "--dir", ground).code == 2

    second = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()

    assert second["changed"] is True
    assert second["pid"] != first["pid"]
    assert (ground / "environments-state.git" / "refs" / "heads" / "main").read_text() == head


def test_a_server_whose_directory_is_removed_ends(gitops: Gitops, ground: Path):
    up = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()

    def removed() -> bool:
        shutil.rmtree(ground, ignore_errors=True)  # the agents' rounds write there meanwhile
        return not ground.exists()

    eventually(removed)
    eventually_gone(up["pid"])


def test_a_process_that_took_the_id_is_not_killed(gitops: Gitops, ground: Path):
    up = gitops("sandbox", "up", "--dir", ground, "-o", "json").ok().json()
    os.kill(up["pid"], 9)
    eventually_gone(up["pid"])
    with subprocess.Popen(["sleep", "60"]) as other:
        record = json.loads((ground / "server.json").read_text())
        (ground / "server.json").write_text(json.dumps(record | {"pid": other.pid}))

        gitops("sandbox", "down", "--dir", ground).ok()

        assert other.poll() is None
        other.terminate()


def test_without_the_extra_there_is_one_error(gitops: Gitops, ground: Path, tmp_path: Path):
    # A module that cannot be found, as where the extra is not installed.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'jsonpatch' else find(name, *rest)\n"
    )
    lacking = gitops.using(PYTHONPATH=tmp_path)

    for arguments in (("sandbox", "up", "--dir", ground), ("demo",)):
        done = lacking(*arguments)

        assert (done.code, done.stdout) == (2, "")
        assert done.stderr == (
            "error: the sandbox and the demo need an extra that is not installed\n"
            "hint: pip install 'gitops-cli[sandbox]'\n"
        )
    assert not ground.exists()

"""Steps of infrastructure: planned by `diff --steps`, applied by `sync --steps`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.live import OLD, Live
from tests.cli.stepped import (
    command,
    push,
    settings,
    stage_of,
    states,
    steps,
    table,
    trust,
)
from tests.testbed.patience import eventually


def test_without_the_option_a_line_says_that_there_are_steps(declared: Live, target: Path) -> None:
    for done in (declared.diff(), declared.sync("--wait").ok()):
        assert f"not looked at: 1 step of {declared.namespace} (--steps)" in done.stderr
    assert not target.exists()


def test_the_first_that_fails_stops_the_later_ones_and_the_sync(
    serving: Live, target: Path
) -> None:
    failing = table(
        serving,
        "bad",
        'plan = ["sh", "-c", "echo oops; exit 3"]\napply = ["true"]\ndirectory = "infra/dns"',
    )
    push(serving, {"gitops.toml": settings(serving, failing, command(serving, target))})
    trust(serving.gitops)

    done = serving.sync("--steps", "-o", "json")

    assert done.code == 7
    assert states(done) == {"bad": "failed", "dns": "not-tried"}
    assert steps(done)["bad"]["output"] == ["oops"]
    assert "step bad: plan ended with exit code 3" in done.stderr
    assert not target.exists()
    assert OLD in serving.image_of("web")
    assert serving.diff("--steps").code == 7


def test_a_locked_environment_is_refused(declared: Live, target: Path) -> None:
    trust(declared.gitops)
    declared.gitops("lock", "-e", declared.namespace, "-m", "audit").ok()

    refused = declared.sync("--steps")

    assert refused.code == 6
    assert f"all of {declared.namespace} is locked" in refused.stderr
    assert f"gitops unlock -e {declared.namespace}" in refused.stderr
    assert "--override" not in refused.stderr
    assert not target.exists()
    assert declared.diff("--steps").code == 1, "looking is free"


def test_programs_get_few_variables_and_no_value_of_them_is_shown(
    declared: Live, tmp_path: Path
) -> None:
    shown = table(
        declared,
        "env",
        f'plan = ["sh", "-c", "env >{tmp_path}/env; echo pass $STEP_TOKEN; exit 2"]\n'
        'apply = ["true"]\ndirectory = "infra/dns"\nenv = ["STEP_TOKEN"]',
    )
    push(declared, {"gitops.toml": settings(declared, shown)})
    home = Path(declared.gitops.environment["XDG_CONFIG_HOME"]) / "gitops"
    home.mkdir()
    (home / "config.toml").write_text('[steps]\nenv = ["MINE"]\n')
    gitops = declared.gitops.using(STEP_TOKEN="s3cret-value", MINE="mine", OTHER_SECRET="x")
    trust(gitops)

    done = gitops("diff", declared.namespace, "--steps", "-v")

    variables = dict(
        line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line
    )
    assert variables["STEP_TOKEN"] == "s3cret-value"
    assert variables["MINE"] == "mine"
    assert not {"OTHER_SECRET", "KUBECONFIG"} & variables.keys()
    assert "pass ***" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


def test_a_program_that_hangs_is_ended_with_all_it_started(declared: Live, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hanging = table(
        declared,
        "slow",
        f'plan = ["sh", "-c", "sleep 600 & echo $! $$ >{pids}; wait"]\napply = ["true"]\n'
        'directory = "infra/dns"\ntimeout = "3s"',
    )
    push(declared, {"gitops.toml": settings(declared, hanging)})
    trust(declared.gitops)

    done = declared.diff("--steps", "-o", "json")

    assert done.code == 8
    assert steps(done)["slow"]["error"]["code"] == "timed-out"
    _are_gone(pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_ends_us_ends_the_program(
    declared: Live, tmp_path: Path, number: signal.Signals
) -> None:
    pids = tmp_path / "pids"
    text = (
        f'plan = ["sh", "-c", "sleep 600 & echo $! $$ >{pids}.new; mv {pids}.new {pids}; wait"]\n'
        'apply = ["true"]\ndirectory = "infra/dns"'
    )
    push(declared, {"gitops.toml": settings(declared, table(declared, "slow", text))})
    trust(declared.gitops)

    with declared.gitops.start("diff", declared.namespace, "--steps") as running:
        eventually(pids.exists)
        running.send_signal(number)
        running.communicate()

    assert running.returncode == 130
    _are_gone(pids)


def _are_gone(pids: Path) -> None:
    for pid in pids.read_text().split():
        eventually(lambda pid=pid: not _runs(int(pid)))  # type: ignore[misc]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # no Linux, or it ended just now
        return not Path("/proc/self/stat").exists()
    return state.rpartition(")")[2].split()[0] != "Z"


def test_what_a_step_produces_is_there_for_the_next(declared: Live, tmp_path: Path) -> None:
    makes = table(
        declared,
        "makes",
        'plan = ["sh", "-c", "exit 2"]\napply = ["sh", "-c", "echo made >made"]\n'
        'directory = "infra/dns"\nproduces = ["infra/dns/made"]',
    )
    reads = table(
        declared,
        "reads",
        f'plan = ["sh", "-c", "exit 2"]\napply = ["cp", "made", "{tmp_path}/got"]\n'
        'directory = "infra/dns"',
    )
    lies = table(
        declared,
        "lies",
        'plan = ["sh", "-c", "exit 2"]\napply = ["true"]\ndirectory = "infra/dns"\n'
        'produces = ["infra/dns/nothing"]',
    )
    push(declared, {"gitops.toml": settings(declared, makes, reads, lies)})
    trust(declared.gitops)

    done = declared.sync("--steps", "-o", "json")

    assert done.code == 7
    assert states(done) == {"makes": "applied", "reads": "applied", "lies": "failed"}
    assert (tmp_path / "got").read_text() == "made\n"
    assert "did not produce infra/dns/nothing" in done.stderr


def test_a_sync_without_names_shows_the_steps_and_asks(serving: Live, target: Path) -> None:
    trust(serving.gitops)
    with serving.gitops.terminal("sync", "--steps", columns=160) as shown:
        shown.wait_for("Change 1 step and 1 service in")
        assert "would write one" in shown.text
        assert not target.exists()
        shown.type("y")
        shown.press("enter")
        assert shown.finish() == 0
    assert target.read_text() == "one\n"


def test_a_dry_run_plans(declared: Live, target: Path) -> None:
    trust(declared.gitops)
    done = declared.sync("--steps", "--dry-run", "-o", "json").ok()
    assert states(done) == {"dns": "changes"}
    assert not target.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('tofu = "../out"', "is no path of this repository"),
        ('tofu = "/etc"', "is no path of this repository"),
        ('tofu = "a/.git/x"', "is no path of this repository"),
        ('ansible = "site.yml"', "stands at the repository's root"),
        ('plan = ["x"]', "apply: is missing"),
        ('tofu = "a"\nterraform = "a"', "a step has one of"),
        ('tofu = "a"\ninventory = "b"', "means nothing to tofu"),
        ('tofu = "a"\nenv = ["PATH"]', "chooses programs"),
        ('tofu = "{region}"', "`{region}` is none of {project}"),
        ('tofuu = "a"', "unknown key"),
        ('tofu = "a"\ntimeout = "0s"', "longer than nothing"),
    ],
)
def test_a_step_that_cannot_be_meant_stops_all(live: Live, text: str, said: str) -> None:
    push(live, {"gitops.toml": settings(live, table(live, "net", text))})

    refused = live.sync("--steps")

    assert refused.code == 2
    assert said in refused.stderr
    assert f"stage.{stage_of(live)}.step.net" in refused.stderr


def test_a_file_that_is_not_there_is_told(live: Live) -> None:
    push(live, {"gitops.toml": settings(live, table(live, "net", 'tofu = "infra/net"'))})

    refused = live.sync("--steps")

    assert refused.code == 2
    assert "infra/net:1: a step or check of gitops.toml names it, and it is not" in refused.stderr


def test_a_step_of_several_environments_runs_once_and_keeps_all_back(
    declared: Live, tmp_path: Path
) -> None:
    other = f"other-{stage_of(declared)}"
    declared.kube.create_namespace(other)
    text = (
        f'plan = ["sh", "-c", "echo ran >>{tmp_path}/ran; exit 3"]\napply = ["true"]\n'
        'directory = "infra/dns"'
    )
    push(
        declared,
        {
            "gitops.toml": settings(declared, table(declared, "both", text)),
            f"{other}/images_path": "registry.example.com/shop/\n",
        },
    )
    trust(declared.gitops)

    done = declared.gitops("sync", declared.namespace, other, "--steps", "-o", "json")

    assert done.code == 7
    assert (tmp_path / "ran").read_text() == "ran\n"
    found = {one["name"]: one for one in done.json()["environments"]}
    assert [step["state"] for step in found[other]["steps"]] == ["not-tried"]
    shown = declared.gitops("sync", declared.namespace, other, "--steps")
    assert f"{other}: not synced, as a step was not done" in shown.stdout


def test_what_was_applied_is_told_where_the_cluster_is_away(declared: Live, target: Path) -> None:
    trust(declared.gitops)

    failed = declared.gitops.using(KUBECONFIG="/nonexistent")("sync", declared.namespace, "--steps")

    assert failed.code == 2
    assert "no kubeconfig" in failed.stderr
    assert "applied" in failed.stdout
    assert target.read_text() == "one\n"

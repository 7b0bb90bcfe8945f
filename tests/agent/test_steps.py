"""Steps in an agent: it runs exactly what was trusted, and nobody's change of it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import yaml

from gitops_cli.steps.process import GRACE
from tests.agent.stepped import WHERE, Stepped
from tests.cli.live import NEW, OLD
from tests.cli.stepped import SCRIPT, push, settings, stage_of, trust
from tests.testbed.patience import PATIENCE, eventually


def test_an_agent_runs_what_was_trusted_and_brings_the_rest_after_it(stepped: Stepped) -> None:
    trust(stepped.live.gitops)
    stepped.install("--steps")
    commit = stepped.live.record({"web.deployment": NEW})

    ran = stepped.run().ok()

    assert stepped.target.read_text() == "one\n"
    assert NEW in stepped.live.image_of("web")
    status = stepped.status()
    assert status["steps"] == "dns applied"
    assert status["message"].startswith("steps: dns applied, web → ")
    assert status["commit"] == commit
    assert f"--steps={stepped.live.namespace}={status['steps-digest']}" in stepped.pins
    assert f"{stepped.live.namespace} step dns: wrote one" in ran.stderr, "its log has the lines"

    again = stepped.run().ok()
    assert "step dns" not in again.stderr, "within the hour nobody plans it again"
    stepped.target.write_text("by hand\n")
    stepped.let_time_pass()
    stepped.run().ok()
    assert stepped.target.read_text() == "one\n"
    [told] = stepped.live.gitops("agent", "status", "-o", "json").json()["agents"]
    assert (told["steps"], told["steps_error"]) == ("dns applied", None)


@pytest.mark.parametrize(
    "change",
    [
        {"infra/dns/wanted": "two\n"},
        {"infra/dns/more": "new\n"},
        {"infra/dns/write.sh": SCRIPT.replace("exit 9", "exit 8")},
    ],
    ids=["another content", "another file", "another program"],
)
def test_what_changed_since_is_refused_told_and_keeps_the_rest_back(
    stepped: Stepped, change: dict[str, str | None]
) -> None:
    trust(stepped.live.gitops)
    stepped.install("--steps")
    push(stepped.live, {**change, f"{stepped.live.namespace}/web.deployment": f"{NEW}\n"})

    ran = stepped.run()

    assert ran.code == 6
    assert not stepped.target.exists()
    assert OLD in stepped.live.image_of("web"), "as `sync --steps`: nothing comes before its steps"
    error = stepped.status()["error"]
    assert "changed since its agent was installed to run them" in error
    assert f"gitops agent install {stepped.live.namespace} --steps" in error
    seen = stepped.live.diff("--as-agent")
    assert "its agent refuses" in seen.stderr
    doctor = stepped.live.gitops("doctor")
    assert "changed since its agent was installed" in doctor.stdout + doctor.stderr

    refused = stepped.printed("--steps")
    assert refused.code == 6, "this machine has not trusted the change either"
    trust(stepped.live.gitops)
    stepped.install("--steps")
    stepped.run().ok()
    assert stepped.target.exists()
    assert NEW in stepped.live.image_of("web")
    assert "its agent runs its 1 step as they are now" in stepped.live.diff("--as-agent").stderr


COUNTED = """#!/bin/sh
[ $1 = plan ] && exit 2
echo "$PWD" >>"$2"
"""


def test_environments_of_one_agent_that_share_a_step_run_it_once(
    stepped: Stepped, tmp_path: Path
) -> None:
    live = stepped.live
    stage = stage_of(live)
    other, plain = f"other-{stage}", f"plain-{live.namespace}x"
    stepped.declare(COUNTED)
    for name in (other, plain):
        live.kube.create_namespace(name)
        live.record({"images_path": "r.example.com/", "web.deployment": OLD}, environment=name)
    trust(live.gitops)
    try:
        apart = ("--mode", "controller", "--agent-namespace", other, "--steps")
        names = (other, plain)
        refused = live.gitops("agent", "manifests", live.namespace, *names, *WHERE, *apart)
        assert refused.code == 2
        assert f"{other} has versions of Deployments" in refused.stderr
        text = live.gitops(
            *("agent", "manifests", live.namespace, other, plain, *WHERE, *apart[:2], "--steps")
        ).ok()
        [workload] = [o for o in yaml.safe_load_all(text.stdout) if o["kind"] == "Deployment"]
        [container] = workload["spec"]["template"]["spec"]["containers"]
        pins = [word for word in container["command"] if word.startswith("--steps=")]
        assert [pin.rpartition("=")[0] for pin in pins] == [
            f"--steps={name}" for name in sorted((live.namespace, other))
        ], "the third has no steps"

        ran = live.gitops(
            *("agent", "run", "--repo", str(live.remote), *pins),
            *(f"--env={name}" for name in (live.namespace, other, plain)),
        )
        assert len(stepped.target.read_text().splitlines()) == 1, str(ran)
        assert ran.stdout.index(f"{plain}: ") < ran.stdout.index(f"{other}: ")
    finally:
        for name in (other, plain):
            live.kube.empty_namespace(name)


def test_a_run_without_news_fetches_nothing_for_the_steps_either(
    stepped: Stepped, tmp_path: Path
) -> None:
    def fetches(name: str) -> int:
        trace = tmp_path / name
        stepped.live.gitops.using(GIT_TRACE_PACKET=trace)(*stepped.words).ok()
        return trace.read_text().count("command=fetch")

    trust(stepped.live.gitops)
    stepped.install("--steps")

    assert fetches("first") > 0
    assert fetches("second") == 0, "its files came in the pack of the status"


@pytest.mark.parametrize("broken", ["wanted = 1", "= 1"], ids=["an unknown key", "no TOML"])
def test_a_step_that_cannot_be_read_is_not_left_out(stepped: Stepped, broken: str) -> None:
    trust(stepped.live.gitops)
    stepped.install("--steps")
    stepped.declare(more=broken)
    stepped.live.record({"web.deployment": NEW})

    ran = stepped.run()

    assert ran.code == 2
    assert "gitops.toml:" in stepped.status()["error"]
    assert OLD in stepped.live.image_of("web")
    assert not stepped.target.exists()


def test_where_the_stage_declares_no_steps_any_more_the_rest_goes_on(stepped: Stepped) -> None:
    trust(stepped.live.gitops)
    stepped.install("--steps")
    push(stepped.live, {"gitops.toml": settings(stepped.live)})
    stepped.live.record({"web.deployment": NEW})

    stepped.run().ok()

    assert NEW in stepped.live.image_of("web")
    assert not stepped.target.exists()


def test_an_agent_that_was_not_installed_with_steps_runs_none(stepped: Stepped) -> None:
    trust(stepped.live.gitops)
    stepped.install()
    stepped.live.record({"web.deployment": NEW})

    stepped.run().ok()

    assert not stepped.target.exists()
    assert NEW in stepped.live.image_of("web")
    assert "steps" not in stepped.status()
    assert "its agent runs none of its 1 step" in stepped.live.diff("--as-agent").stderr


def test_a_step_that_fails_keeps_its_environment_back_and_is_not_tried_each_minute(
    stepped: Stepped,
) -> None:
    stepped.declare('#!/bin/sh\necho on the way\n[ -e "$2.way" ] && exit 0\nexit 3\n')
    trust(stepped.live.gitops)
    stepped.install("--steps")
    stepped.live.record({"web.deployment": NEW})

    for _ in range(2):
        ran = stepped.run()
        assert ran.code == 7
        assert "step dns: plan ended with exit code 3" in stepped.status()["error"]
        assert OLD in stepped.live.image_of("web")
    assert "planning" not in ran.stderr, "the second one remembers"

    stepped.target.with_name("target.way").touch()
    stepped.let_time_pass()
    stepped.run().ok()
    assert NEW in stepped.live.image_of("web")
    assert "steps-error" not in stepped.status()


def test_drift_that_is_to_be_reported_is_planned_and_left(stepped: Stepped) -> None:
    stepped.declare(rules='drift = "report"')
    trust(stepped.live.gitops)
    stepped.install("--steps")
    stepped.run().ok()
    stepped.target.write_text("by hand\n")
    stepped.let_time_pass()

    ran = stepped.run()

    assert ran.code == 7
    assert "step dns would change something: would write one" in stepped.status()["error"]
    assert stepped.target.read_text() == "by hand\n"


def test_what_could_not_be_applied_the_first_time_is_no_drift(stepped: Stepped) -> None:
    closed = SCRIPT.replace("apply) ", 'apply) [ ! -e "$2.closed" ] || exit 3; ')
    stepped.declare(closed, rules='drift = "report"')
    trust(stepped.live.gitops)
    stepped.install("--steps")
    stop = stepped.target.with_name("target.closed")
    stop.touch()
    assert stepped.run().code == 7
    assert "step dns: apply ended with exit code 3" in stepped.status()["error"]

    stop.unlink()
    stepped.let_time_pass()
    stepped.run().ok()
    assert stepped.target.read_text() == "one\n"


def test_steps_wait_where_the_environment_is_locked(stepped: Stepped) -> None:
    trust(stepped.live.gitops)
    stepped.install("--steps")
    stepped.live.gitops("lock", "-e", stepped.live.namespace, "-m", "a fair").ok()

    stepped.run().ok()

    assert not stepped.target.exists()
    assert "its steps wait" in stepped.status()["message"]


def test_a_step_gets_the_variables_that_it_names_and_no_others(stepped: Stepped) -> None:
    script = '#!/bin/sh\n[ $1 = plan ] && exit 2\nenv >"$2"\necho "got $TOKEN"\n'
    stepped.declare(script, 'env = ["TOKEN", "MISSING"]')
    trust(stepped.live.gitops)
    stepped.install("--steps")
    (stepped.variables / "TOKEN").write_text("a very secret word\n")
    (stepped.variables / "OTHER").write_text("another secret word")

    ran = stepped.run().ok()

    seen = stepped.target.read_text()
    assert "TOKEN=a very secret word\n" in seen
    assert "another secret" not in seen
    assert "MISSING" not in seen
    assert "KUBERNETES_SERVICE_HOST" not in seen
    assert "got ***" in ran.stderr
    assert "very secret" not in ran.stderr + ran.stdout + str(stepped.status())


def test_an_agent_says_that_it_lives_while_a_step_takes_its_time(stepped: Stepped) -> None:
    stepped.declare('#!/bin/sh\nuntil [ -e "$2.go" ]; do sleep 0.1; done\ntouch "$2.done"\n')
    trust(stepped.live.gitops)
    stepped.install("--steps")
    go, done = (stepped.target.with_name(f"target.{name}") for name in ("go", "done"))

    with stepped.live.gitops.start(*stepped.words, "--interval", "1s") as process:
        eventually(lambda: stepped.said().get("message") == "its steps are running")
        first = stepped.said()["last-attempt"]
        eventually(lambda: stepped.said()["last-attempt"] > first)
        go.touch()
        eventually(lambda: stepped.said().get("steps") == "dns unchanged")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 0
    assert done.exists()
    assert stepped.said()["message"] != "its steps are running"


def test_a_pod_that_is_told_to_end_interrupts_its_step_first(stepped: Stepped) -> None:
    script = (
        "#!/bin/sh\n[ $1 = plan ] && exit 2\n"
        'trap \'echo given back >"\'"$2"\'"; exit 1\' INT\ntouch "$2.began"\n'
        "while :; do sleep 0.1; done\n"
    )
    stepped.declare(script)
    trust(stepped.live.gitops)
    stepped.install("--steps")
    began = stepped.target.with_name("target.began")
    with stepped.live.gitops.start(*stepped.words) as process:
        eventually(began.exists)
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE) == 130

    assert time.monotonic() - before < GRACE, "it did not wait until it had to be killed"
    assert stepped.target.read_text() == "given back\n"
    assert "steps" not in stepped.said(), "nobody says that it was done"

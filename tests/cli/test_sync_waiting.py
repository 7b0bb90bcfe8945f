"""`gitops sync --wait`: how rollouts end, and what is said of those that fail."""

from __future__ import annotations

import json
import time

from tests.cli.live import ABSENT, CRASHING, NEW, OLD, UNREADY, Live
from tests.cli.synced import services
from tests.testbed import schemas
from tests.testbed.patience import HANGING


def test_an_image_that_is_not_there_fails_before_the_time_out_with_the_pods_reason(
    behind: Live,
) -> None:
    behind.record({"web.deployment": ABSENT})
    done = behind.sync("--wait", "--timeout", "2m")
    assert done.code == 7, "not 8: it ended before the time was over"
    assert "not found" in done.stdout
    assert "kubectl describe pod web-" in done.stdout
    again = behind.sync("--wait", "--timeout", "2m", "-o", "json")
    assert again.code == 7, "the same command again tells the same"
    web = services(again.json())["web"]
    assert (web["action"], web["rollout"]) == ("unchanged", "failed")
    assert web["trouble"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
    assert web["commands"][0].startswith("kubectl describe pod web-")
    behind.record({"web.deployment": NEW})
    for mends in (behind.sync("--dry-run").ok(), behind.sync().ok()):
        assert "kubectl" not in mends.stdout, "what failed is the version before"


def test_each_event_is_a_document_where_each_document_is_a_line(behind: Live) -> None:
    done = behind.sync("--wait", "--timeout", "2m", "-o", "jsonl").ok()

    documents = [json.loads(line) for line in done.stdout.splitlines()]
    for document in documents:
        schemas.check(document)
    patch, *rows, result = documents
    assert (patch["kind"], patch["service"]["action"]) == ("patch", "patched")
    assert rows
    assert {row["kind"] for row in rows} == {"watch"}
    assert {patch["environment"], *(row["environment"] for row in rows)} == {behind.namespace}
    assert {row["context"] for row in rows} == {patch["context"]}
    assert (result["kind"], result["changed"]) == ("sync", True)
    assert "web" not in done.stderr, "progress is the documents"

    waited = behind.gitops("wait", behind.namespace, "--timeout", "2m", "-o", "jsonl").ok()
    *_, last = (json.loads(line) for line in waited.stdout.splitlines())
    assert (last["kind"], last["reached"]) == ("wait", True)


def test_a_back_off_alone_does_not_fail_before_the_deadline(live: Live) -> None:
    live.record({"web.deployment": NEW})
    fate = {"fake-node/fate": "unreachable", "fake-node/recover-after": "8s"}
    live.run("Deployment", "web", OLD, pod_annotations=fate)
    done = live.sync("--wait", "--timeout", "2m").ok()
    assert "ready" in done.stdout
    assert "i/o timeout" in done.stderr, "progress told what it waited for"


def test_a_config_error_fails_before_the_time_out(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.run("Deployment", "web", OLD, pod_annotations={"fake-node/fate": "config"})
    done = live.sync("--wait", "--timeout", "120s", "-o", "json")
    assert done.code == 7, "not 8: it ended before the time was over"
    assert services(done.json())["web"]["trouble"]["reason"] == "CreateContainerConfigError"


def test_a_crash_fails_at_the_progress_deadline_with_its_log(live: Live) -> None:
    live.record({"web.deployment": CRASHING})
    live.running("web", OLD, progressDeadlineSeconds=4)
    done = live.sync("--wait", "--timeout", "2m")
    assert done.code == 7
    assert "CrashLoopBackOff, exit code 1" in done.stdout
    assert "fatal, exit code 1" in done.stdout
    assert "--previous" in done.stdout


def test_a_rollout_that_takes_too_long_has_a_code_of_its_own(live: Live) -> None:
    live.record({"web.deployment": UNREADY})
    live.running("web", OLD)
    begin = time.monotonic()
    done = live.sync("--wait", "--timeout", "3s")
    assert done.code == 8
    assert 3 <= time.monotonic() - begin < HANGING
    assert "timed out" in done.stdout
    unwatched = live.sync().ok()
    assert "1 service as recorded, 1 not rolled out: add --wait" in unwatched.stderr


def test_one_service_failing_does_not_hide_the_others(behind: Live) -> None:
    behind.record({"api.deployment": ABSENT, "gone.deployment": NEW})
    behind.running("api", OLD)
    done = behind.sync("--wait", "-o", "json")
    assert done.code == 7
    assert {name: one["rollout"] for name, one in services(done.json()).items()} == {
        "api": "failed",
        "gone": None,
        "web": "ready",
    }


def test_what_its_own_settings_hold_back_ends_the_wait(live: Live) -> None:
    live.record({"db.statefulset": NEW})
    live.run("StatefulSet", "db", OLD, updateStrategy={"type": "OnDelete"})
    live.kube.wait_rolled_out("StatefulSet", live.namespace, "db")
    done = live.sync("--wait", "--timeout", "2m")
    assert done.code == 1
    assert "OnDelete" in done.stdout


def test_on_a_terminal_progress_makes_way_for_the_result(behind: Live) -> None:
    behind.record({"web.deployment": ABSENT})
    with behind.gitops.terminal("sync", behind.namespace, "--wait", columns=200) as terminal:
        assert terminal.finish() == 7
        assert terminal.text.count("patched") == 2, "in the table and in the summary"
        assert "rolling" not in terminal.text
        assert terminal.text.count("not found") == 1


def test_on_a_terminal_what_breaks_off_leaves_its_progress(live: Live) -> None:
    live.record({"web.deployment": UNREADY})
    live.running("web", OLD)
    with live.gitops.terminal("sync", live.namespace, "--wait") as terminal:
        terminal.wait_for("rolling")
        terminal.press("ctrl-c")
        assert terminal.finish() == 130
        assert "rolling" in terminal.text
        assert "interrupted" in terminal.text

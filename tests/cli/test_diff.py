"""`gitops diff` on the real API server: every state, in table and JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.live import (
    ABSENT,
    CRASHING,
    FAILING,
    NEW,
    OLD,
    UNREADY,
    Live,
    image,
    line,
)
from tests.testbed.git import git
from tests.testbed.patience import eventually

QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}}


def test_in_sync(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.running("web", OLD)
    done = live.diff().ok()
    assert line(done.stdout, "web").split() == ["web", OLD[:7], OLD[:7], OLD[:7], "in", "sync"]
    assert "in sync: 1 container" in done.stderr
    row = live.rows()["web"]
    assert (row["wanted"], row["recorded"]) == (image("web", OLD), image("web", OLD))
    [running] = row["running"]
    assert running["image"] == image("web", OLD)
    assert running["digest"].startswith("sha256:")
    assert running["pods"] == 1
    assert row["path"] == f"{live.namespace}/web.deployment"


def test_differs_is_exit_code_1_unless_that_is_not_wanted(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.running("web", OLD)
    done = live.diff()
    assert done.code == 1
    assert line(done.stdout, "web").split() == ["web", NEW[:7], OLD[:7], OLD[:7], "differs"]
    assert live.diff("--no-exit-code").code == 0
    document = live.diff("-o", "json").json()
    assert document["apiVersion"] == "gitops-cli/v1"
    assert document["kind"] == "diff"
    assert document["in_sync"] is False
    assert document["summary"] == {"differs": 1}
    assert document["commit"] == git(live.remote, "rev-parse", "main")


def test_rolling(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.run("Deployment", "web", OLD, pod_annotations={"fake-node/fate": "unready"})
    eventually(
        lambda: [p["status"]["phase"] for p in live.kube.pods(live.namespace)] == ["Running"]
    )
    eventually(lambda: live.rows()["web"]["reason"] == "0 of 1 available")
    assert live.rows()["web"]["state"] == "rolling"
    done = live.diff()
    assert done.code == 1
    assert "rolling  0 of 1 available" in line(done.stdout, "web")
    live.kube.let_ready(live.namespace)
    live.kube.wait_rolled_out("Deployment", live.namespace, "web")
    live.diff().ok()


def pulls(live: Live) -> None:
    live.run("Deployment", "web", ABSENT)


def crashes(live: Live) -> None:
    notes = {"fake-node/exit-code": "3", "fake-node/log": "connecting\nno database\x1b[31m"}
    live.run("Deployment", "web", CRASHING, pod_annotations=notes)


def nowhere(live: Live) -> None:
    live.run("Deployment", "web", OLD, pod_annotations={"fake-node/fate": "unschedulable"})


def full(live: Live) -> None:
    live.kube.create(QUOTA | {"spec": {"hard": {"pods": "0"}}}, live.namespace)
    eventually(
        lambda: live.kube.get("ResourceQuota", live.namespace, "full").get("status", {}).get("hard")
    )


def quota(live: Live) -> None:
    full(live)
    live.run("Deployment", "web", OLD)


def deadline(live: Live) -> None:
    live.run("Deployment", "web", UNREADY, progressDeadlineSeconds=1, minReadySeconds=0)


def config(live: Live) -> None:
    live.run("Deployment", "web", OLD, pod_annotations={"fake-node/fate": "config"})


@pytest.mark.parametrize(
    ("make", "version", "reason", "words"),
    [
        (pulls, ABSENT, ("ErrImagePull", "ImagePullBackOff"), "not found"),
        (crashes, CRASHING, ("CrashLoopBackOff",), "exit code 3"),
        (nowhere, OLD, ("Unschedulable",), "nodes"),
        (quota, OLD, ("FailedCreate",), "exceeded quota"),
        (deadline, UNREADY, ("ProgressDeadlineExceeded",), "timed out progressing"),
        (config, OLD, ("CreateContainerConfigError",), "secret"),
    ],
)
def test_failed_has_the_reason_and_the_command_that_shows_more(
    live: Live,
    make: Callable[[Live], None],
    version: str,
    reason: tuple[str, ...],
    words: str,
) -> None:
    live.record({"web.deployment": version})
    make(live)
    row: dict[str, Any] = {}

    def failed() -> bool:
        row.update(live.rows()["web"])
        trouble = row["trouble"] or {"reason": "none"}
        return row["state"] == "failed" and trouble["reason"] in reason

    # Pods that are made late, or are between two crashes, change what it is for a moment.
    eventually(failed)
    assert words in row["reason"]
    assert row["commands"]

    done = live.diff()

    def is_told() -> bool:
        nonlocal done
        done = live.diff()
        told = line(done.stdout, "web")
        return done.code == 1 and "failed" in told and words in told

    eventually(is_told)
    for command in row["commands"]:
        assert command in done.stdout
        assert f"-n {live.namespace}" in command
        assert "--context test" in command


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_quota_is_told_where_the_workloads_status_does_not_have_it(live: Live, kind: str) -> None:
    live.record({f"db.{kind.lower()}": OLD})
    full(live)
    live.run(kind, "db", OLD)
    eventually(lambda: live.rows()["db"]["state"] == "failed")
    row = live.rows()["db"]
    assert row["trouble"]["reason"] == "FailedCreate"
    assert "exceeded quota" in row["reason"]
    done = live.diff()
    assert done.code == 1
    assert "exceeded quota" in line(done.stdout, "db")
    waited = live.sync("--wait", "--timeout", "6s")
    assert waited.code == 8
    assert "exceeded quota" in waited.stdout
    live.kube.delete("ResourceQuota", live.namespace, "full")
    eventually(lambda: live.rows()["db"]["state"] == "in-sync")


def test_a_broken_pod_of_an_older_version_that_a_statefulset_waits_for_is_said(live: Live) -> None:
    live.record({"db.statefulset": OLD})
    live.run("StatefulSet", "db", ABSENT)
    eventually(lambda: "not found" in str(live.kube.pods(live.namespace)))
    done = live.sync("--wait", "--timeout", "2m")
    assert done.code == 7, "it would wait for ever"
    assert f"kubectl delete pod db-0 -n {live.namespace} --context test" in done.stdout
    row = live.rows()["db"]
    assert row["state"] == "failed"
    assert row["recorded"] == image("db", OLD)
    live.kube.delete("Pod", live.namespace, "db-0")
    live.sync("--wait", "--timeout", "2m").ok()


def test_a_crash_shows_its_last_log_lines_and_they_cannot_act(live: Live) -> None:
    live.record({"web.deployment": CRASHING})
    crashes(live)
    eventually(lambda: live.rows()["web"]["state"] == "failed")
    row = live.rows()["web"]
    assert row["trouble"]["log"][-1].startswith("no database")
    assert row["commands"][0].startswith(f"kubectl logs {row['trouble']['pod']} -c web --previous")
    assert row["commands"][1].startswith(f"kubectl debug -it {row['trouble']['pod']}")
    shown = live.diff().stdout
    assert "no database" in shown
    assert "\x1b" not in shown


def test_missing_and_a_namespace_that_does_not_exist(live: Live) -> None:
    live.record({"web.deployment": OLD})
    done = live.diff()
    assert done.code == 1
    assert f"no Deployment `web` in namespace {live.namespace}" in line(done.stdout, "web")
    assert "missing" in line(done.stdout, "web")
    assert live.rows()["web"]["state"] == "missing"
    nowhere_else = "nowhere-production"
    live.record({"images_path": "r/", "web.deployment": OLD}, environment=nowhere_else)
    elsewhere = live.gitops("diff", nowhere_else)
    assert elsewhere.code == 1
    assert f"namespace {nowhere_else} does not exist (context test)" in elsewhere.stderr
    assert f"kubectl create namespace {nowhere_else} --context test" in elsewhere.stderr


def test_untracked_is_shown_and_is_no_difference(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.running("web", OLD)
    live.running("redis", "7")
    done = live.diff().ok()
    assert "untracked" in line(done.stdout, "redis")
    assert f"no file {live.namespace}/redis.deployment" in line(done.stdout, "redis")
    assert live.rows()["redis"]["state"] == "untracked"


def test_unclear_could_not_be_told_until_the_settings_say(live: Live) -> None:
    live.record({"web.deployment": OLD})
    live.running("web", OLD, images={"app": "other/app:1", "proxy": "envoy:1"})
    done = live.diff()
    assert done.code == 2
    assert "containers: app, proxy" in line(done.stdout, "web")
    assert "unclear" in line(done.stdout, "web")
    assert live.rows()["web"]["state"] == "unclear"
    live.record({"/gitops.toml": '[service.web]\ncontainer = "app"'})
    row = live.rows()["web"]
    assert (row["state"], row["container"]) == ("differs", "app")


def test_digest_only_is_a_state_of_its_own_and_no_difference(live: Live) -> None:
    pinned = f"{OLD}@sha256:{'a' * 64}"
    live.record({"web.deployment": OLD, "pin.deployment": pinned})
    live.running("web", pinned)
    live.running("pin", OLD)
    done = live.diff().ok()
    assert {line(done.stdout, s).split()[4] for s in ("web", "pin")} == {"digest"}
    rows = live.rows()
    assert {row["state"] for row in rows.values()} == {"digest"}
    assert rows["web"]["reason"] == "the workload pins a digest"
    assert rows["pin"]["reason"].startswith("pods run sha256:")


def test_held_is_a_flag_beside_the_state(live: Live) -> None:
    lock = 'by = "Ada"\nreason = "until the migration is done"'
    live.record({"web.deployment": OLD, "web.lock": lock})
    live.running("web", OLD)
    done = live.diff().ok()
    assert "Ada: until the migration is done" in line(done.stdout, "web")
    row = live.rows()["web"]
    assert (row["state"], row["held"], row["lock"]["by"]) == ("in-sync", True, "Ada")


def test_init_containers_and_sidecars_by_the_container_rule(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.running(
        "web",
        OLD,
        images={"web": image("web", NEW), "proxy": "envoy:1"},
        init={"migrate": image("web", OLD), "wait": "busybox:1"},
    )
    done = live.diff()
    assert done.code == 1
    [environment] = live.diff("-o", "json").json()["environments"]
    assert [(r["container"], r["state"]) for r in environment["rows"]] == [
        ("migrate", "differs"),
        ("web", "in-sync"),
    ]


def test_a_pod_that_was_changed_behind_its_workloads_back(live: Live) -> None:
    live.record({"web.deployment": NEW})
    live.running("web", NEW)
    live.diff().ok()
    [pod] = live.kube.pods(live.namespace, "web")
    other = [{"op": "replace", "path": "/spec/containers/0/image", "value": image("web", OLD)}]
    live.kube.patch("Pod", live.namespace, pod["metadata"]["name"], other)
    eventually(lambda: live.rows()["web"]["state"] == "differs")

    done = live.diff()

    assert done.code == 1
    assert f"pods run {OLD[:7]}" in line(done.stdout, "web")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_kinds_by_their_files(live: Live, kind: str) -> None:
    live.record({f"db.{kind.lower()}": OLD})
    live.run(kind, "db", OLD)
    live.kube.wait_rolled_out(kind, live.namespace, "db")
    live.diff().ok()
    row = live.rows()["db"]
    assert (row["kind"], row["state"], row["running"][0]["pods"]) == (kind, "in-sync", 1)
    live.record({f"db.{kind.lower()}": NEW})
    assert live.rows()["db"]["state"] == "differs"


def test_a_statefulset_that_updates_on_delete_is_never_in_sync_while_its_pods_are_old(
    live: Live,
) -> None:
    live.record({"db.statefulset": NEW})
    live.run("StatefulSet", "db", OLD, replicas=2, updateStrategy={"type": "OnDelete"})
    live.kube.wait_rolled_out("StatefulSet", live.namespace, "db")
    live.kube.set_image("StatefulSet", live.namespace, "db", "db", image("db", NEW))
    eventually(lambda: "OnDelete: 2 pods stay old" in (live.rows()["db"]["reason"] or ""))
    row = live.rows()["db"]
    assert (row["state"], row["recorded"]) == ("rolling", image("db", NEW))
    assert row["running"] == [
        {"image": image("db", OLD), "digest": row["running"][0]["digest"], "pods": 2}
    ]
    assert live.diff().code == 1
    for pod in live.kube.pods(live.namespace):
        live.kube.delete("Pod", live.namespace, pod["metadata"]["name"])
    eventually(lambda: live.diff().code == 0)


def test_a_partitioned_statefulset_is_not_in_sync(live: Live) -> None:
    live.record({"db.statefulset": NEW})
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    live.run("StatefulSet", "db", OLD, replicas=2, updateStrategy=strategy)
    live.kube.wait_rolled_out("StatefulSet", live.namespace, "db")
    live.kube.set_image("StatefulSet", live.namespace, "db", "db", image("db", NEW))
    eventually(lambda: "partition 1" in (live.rows()["db"]["reason"] or ""))
    assert live.rows()["db"]["state"] == "rolling"


def test_a_cronjob_is_its_template_and_its_last_job(live: Live) -> None:
    live.record({"report.cronjob": OLD})
    live.run("CronJob", "report", OLD)
    row = live.rows()["report"]
    assert (row["state"], row["running"]) == ("in-sync", [])
    made = live.kube.let_run(live.namespace, "report")

    def images() -> list[str]:
        return [one["image"] for one in live.rows()["report"]["running"]]

    eventually(lambda: images() == [image("report", OLD)])
    live.record({"report.cronjob": FAILING})
    assert live.rows()["report"]["state"] == "differs"
    live.kube.set_image("CronJob", live.namespace, "report", "report", image("report", FAILING))
    assert live.rows()["report"]["state"] == "in-sync", "not run yet"
    # A Job's age has whole seconds: of two in one second nobody can tell which was the last.
    first = datetime.fromisoformat(made["metadata"]["creationTimestamp"])
    eventually(lambda: datetime.now(UTC) >= first + timedelta(seconds=2))
    live.kube.let_run(live.namespace, "report")
    eventually(lambda: live.rows()["report"]["state"] == "failed")
    assert live.rows()["report"]["trouble"]["exit_code"] == 1

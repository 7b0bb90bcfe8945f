"""`--rollback-on-failure`: what does not come up is taken back, by a commit that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.live import ABSENT, NEW, OLD, Live, image, make_live
from tests.testbed.controlplane import ControlPlane
from tests.testbed.git import git
from tests.testbed.gitops import Gitops
from tests.testbed.kube import Kube
from tests.testbed.patience import PATIENCE, eventually

SOURCE = "elsewhere-development"
BACK = "--rollback-on-failure"


@pytest.fixture
def failing(
    tmp_path: Path, gitops: Gitops, kube: Kube, namespace: str, control_plane: ControlPlane
) -> Live:
    """Return an environment at the old version, and one to promote from that never comes up."""
    live = make_live(tmp_path, gitops, kube, namespace, control_plane.kubeconfig)
    live.record({"web.deployment": OLD})
    live.record({"images_path": "r.example.com/", "web.deployment": ABSENT}, environment=SOURCE)
    live.running("web", OLD)
    return live


def promotion(live: Live, *more: str) -> list[str]:
    words = ["promote", "web", "--from", SOURCE, "--to", live.namespace, "--yes"]
    return [*words, "--wait", BACK, "--timeout", "2m", *more]


def recorded(live: Live, service: str = "web") -> str:
    return git(live.remote, "show", f"main:{live.namespace}/{service}.deployment")


def message(live: Live) -> str:
    return git(live.remote, "log", "-1", "--format=%B", "main")


def rules(live: Live, *lines: str) -> None:
    stage = live.namespace.partition("-")[2]
    stages = f'stages = ["development", "{stage}"]\n[stage.{stage}]\n'
    live.record({"/gitops.toml": stages + "\n".join(lines)})


def test_a_promotion_that_fails_is_taken_back_in_git_and_in_the_cluster(failing: Live) -> None:
    done = failing.gitops(*promotion(failing, "--sync", "-o", "json"))

    assert done.code == 7, done
    assert done.json()["changed"] is True  # what was promoted, and nothing else, is on stdout
    assert recorded(failing) == OLD
    assert failing.image_of("web") == image("web", OLD)
    said = message(failing)
    assert "Gitops-Action: rollback" in said
    assert "Gitops-Reason: rollout failed: web: " in said
    assert "rolled back: " in done.stderr
    assert "recorded and taken back, but the rollout" in done.stderr
    assert f"gitops rollback web -e {failing.namespace}" not in done.stderr


def test_where_others_bring_it_the_way_back_is_recorded_for_them(failing: Live) -> None:
    with failing.gitops.start(*promotion(failing)) as promoting:
        eventually(lambda: recorded(failing) == ABSENT)
        failing.sync().ok()
        _, err = promoting.communicate(timeout=PATIENCE)

    assert promoting.returncode == 7, err
    assert recorded(failing) == OLD
    assert failing.image_of("web") == image("web", ABSENT)


def test_what_somebody_recorded_meanwhile_stays(failing: Live) -> None:
    failing.record({"api.deployment": OLD})
    failing.running("api", OLD)
    words = ["set", f"web={ABSENT}", f"api={NEW}", "-e", failing.namespace, "--wait", BACK]
    with failing.gitops.start(*words, "--timeout", "2m") as setting:
        eventually(lambda: recorded(failing) == ABSENT)
        ours = git(failing.remote, "rev-parse", "main")
        failing.record({"api.deployment": "c" * 40})
        failing.sync("--rev", ours).ok()
        _, err = setting.communicate(timeout=PATIENCE)

    assert setting.returncode == 7, err
    assert (recorded(failing), recorded(failing, "api")) == (OLD, "c" * 40)
    assert "api stays as it is recorded: ccccccc" in err


def test_a_lock_keeps_the_rollback_from_being_written(failing: Live) -> None:
    with failing.gitops.start(*promotion(failing)) as promoting:
        eventually(lambda: recorded(failing) == ABSENT)
        failing.record({"web.lock": 'reason = "look at it"'})
        failing.sync().ok()
        _, err = promoting.communicate(timeout=PATIENCE)

    assert promoting.returncode == 7, err
    assert recorded(failing) == ABSENT
    assert f"not rolled back: {failing.namespace}/web.lock:1" in err
    assert f"gitops rollback web -e {failing.namespace}" in err


def test_a_freeze_that_was_overridden_holds_no_rollback_up(failing: Live) -> None:
    rules(failing, 'freeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]', "protected = true")
    confirmed = ["--override-freeze", "-m", "incident 7", "--confirm", failing.namespace]

    done = failing.gitops(*promotion(failing, "--sync", *confirmed))

    assert done.code == 7, done
    assert recorded(failing) == OLD


def test_a_new_service_leaves_the_record_again(failing: Live) -> None:
    failing.run("Deployment", "api", OLD)
    new = ["set", f"api={ABSENT}", "-e", failing.namespace, "--new", "--sync", "--wait", BACK]

    done = failing.gitops(*new, "--timeout", "2m")

    assert done.code == 7, done
    assert "api was new: it is out of the record" in done.stderr
    names = git(failing.remote, "ls-tree", "--name-only", f"main:{failing.namespace}").split()
    assert names == ["images_path", "web.deployment"]


def test_what_was_recorded_before_is_not_taken_back(failing: Live) -> None:
    failing.record({"web.deployment": ABSENT})

    done = failing.gitops(*promotion(failing, "--sync"))

    assert done.code == 7, done
    assert recorded(failing) == ABSENT
    assert "had it before, it is not of this run" in done.stderr


def test_a_sync_that_fails_goes_back_one_version(failing: Live) -> None:
    failing.record({"web.deployment": ABSENT})

    done = failing.sync("--wait", BACK, "--timeout", "2m")

    assert done.code == 7, done
    assert recorded(failing) == OLD
    assert failing.image_of("web") == image("web", OLD)
    assert f"{failing.namespace} has what was recorded before" in done.stderr


def test_a_sync_of_an_old_commit_takes_nothing_newer_back(failing: Live) -> None:
    failed = failing.record({"web.deployment": ABSENT})
    failing.record({"web.deployment": NEW})

    done = failing.sync("--rev", failed, "--wait", BACK, "--timeout", "2m")

    assert done.code == 7, done
    assert recorded(failing) == NEW
    assert f"web stays as it is recorded: {NEW[:7]}" in done.stderr


def test_a_wait_that_sees_it_fail_records_the_way_back(failing: Live) -> None:
    failing.record({"web.deployment": ABSENT})
    failing.sync().ok()

    done = failing.gitops("wait", failing.namespace, BACK, "--timeout", "2m")

    assert done.code == 7, done
    assert recorded(failing) == OLD
    assert failing.image_of("web") == image("web", ABSENT)


def test_what_could_not_be_done_is_said_before_anything_is(failing: Live) -> None:
    rules(failing, "protected = true")
    failing.record({"web.deployment": ABSENT})

    unconfirmed = failing.sync("--wait", BACK)
    offline = failing.gitops("sync", failing.namespace, "--wait", BACK, "--offline")
    alone = failing.gitops("set", f"web={NEW}", "-e", failing.namespace, BACK)

    assert (unconfirmed.code, offline.code, alone.code) == (2, 2, 2)
    assert f"--confirm {failing.namespace}" in unconfirmed.stderr
    assert failing.image_of("web") == image("web", OLD)
    assert recorded(failing) == ABSENT
    failing.sync("--wait", BACK, "--confirm", failing.namespace, "--timeout", "2m")
    assert recorded(failing) == OLD

"""`agent install --steps`: to whom steps are given, and what the pod that runs them gets."""

from __future__ import annotations

import yaml

from gitops_cli.agent.model.spec import NAME, STEPS_SECRET
from tests.agent.stepped import Stepped
from tests.cli.live import OLD
from tests.cli.manifested import config_map, record
from tests.cli.stepped import push, settings, trust


def test_nothing_is_installed_that_this_machine_does_not_trust(stepped: Stepped) -> None:
    refused = stepped.printed("--steps")

    assert refused.code == 6
    assert "declares 1 program to run here" in refused.stderr
    assert refused.stdout == ""


def test_a_stage_without_steps_has_none_to_run(stepped: Stepped) -> None:
    push(stepped.live, {"gitops.toml": settings(stepped.live)})

    refused = stepped.printed("--steps")

    assert refused.code == 2
    assert "declares no steps" in refused.stderr


def test_whoever_can_change_the_agent_by_a_push_is_not_given_steps(stepped: Stepped) -> None:
    trust(stepped.live.gitops)
    record(stepped.live, config_map("settings", level="info"))

    refused = stepped.printed("--steps")
    assert refused.code == 2
    assert "has manifests, so whoever may push could change the agent" in refused.stderr
    assert "--mode controller" in refused.stderr
    apart = stepped.printed("--steps", "--mode", "controller").ok().stdout
    [workload] = [o for o in yaml.safe_load_all(apart) if o["kind"] == "Deployment"]
    assert workload["metadata"]["namespace"] == "gitops-agent"

    theirs = {"images_path": "r/\n", "manifests/all.yaml": yaml.safe_dump(config_map())}
    push(stepped.live, {f"gitops-agent/{name}": text for name, text in theirs.items()})
    homely = stepped.printed("--steps", "--mode", "controller")
    assert homely.code == 2
    assert "gitops-agent has manifests" in homely.stderr, "others bring them there"

    push(stepped.live, {f"{stepped.live.namespace}/manifests/all.yaml": None})
    stepped.live.record({"gitops-agent.cronjob": OLD})
    again = stepped.printed("--steps")
    assert again.code == 2
    assert "has versions of CronJobs" in again.stderr


def test_its_pod_has_time_room_and_a_secret_of_its_own(stepped: Stepped) -> None:
    stepped.declare(more='timeout = "20m"')
    trust(stepped.live.gitops)
    plain = stepped.install()

    job = stepped.install("--steps")

    assert job["activeDeadlineSeconds"] == plain["activeDeadlineSeconds"] + 2 * 20 * 60
    [container] = job["template"]["spec"]["containers"]
    secrets = [v["secret"] for v in job["template"]["spec"]["volumes"] if "secret" in v]
    assert {"secretName": STEPS_SECRET, "defaultMode": 0o400, "optional": True} in secrets
    assert container["env"] == plain["template"]["spec"]["containers"][0]["env"]
    rules = stepped.live.kube.get("Role", stepped.live.namespace, NAME)["rules"]
    assert [rule["resources"] for rule in rules] == [
        ["deployments"],
        ["configmaps"],
        ["pods"],
        ["events"],
    ], "no right more than without steps"

"""`gitops remove`: a service leaves the record, in one commit; its workload stays."""

from __future__ import annotations

from tests.cli.company import DEV, PROD, tip, trailers, with_settings
from tests.testbed.git import git

A = "a" * 40


def test_a_service_leaves_the_record_and_its_workload_is_named(company, clone):
    before = tip(company)

    done = clone("remove", "billing", "-e", PROD, "--yes", "-m", "retired").ok()

    assert "billing" not in company.recorded(PROD)
    assert "billing" in company.recorded(DEV)
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == "1"
    assert f"kubectl -n {PROD} delete deployment billing" in done.stderr
    assert trailers(company)["Gitops-Action"] == "remove"
    assert trailers(company)["Gitops-Reason"] == "retired"


def test_the_environment_may_stand_among_the_services_and_its_cluster_is_named(company, clone):
    settings = '[stage.production]\ncluster = "prod-eu"\n[service.billing]\nworkload = "pay"\n'
    with_settings(company, settings)

    done = clone("remove", "billing", PROD, "--yes").ok()

    assert "billing" not in company.recorded(PROD)
    assert f"kubectl -n {PROD} delete deployment pay --context prod-eu" in done.stderr
    assert "remove which services?" in clone("remove", PROD, "--yes").stderr


def test_several_services_are_one_commit(company, clone):
    before = tip(company)

    done = clone("remove", "billing", "authentication", "-e", PROD, "--yes", "-o", "json").ok()

    assert not {"billing", "authentication"} & company.recorded(PROD).keys()
    assert git(company.remote, "rev-list", "--count", f"{before}..main") == "1"
    assert {(c["service"], c["to"]) for c in done.json()["changes"]} == {
        ("billing", None),
        ("authentication", None),
    }


def test_its_lock_goes_with_it(company, clone):
    clone("lock", "billing", "-e", PROD, "-m", "incident 7").ok()

    refused = clone("remove", "billing", "-e", PROD, "--yes")
    clone("remove", "billing", "-e", PROD, "--yes", "--override-lock", "-m", "retired").ok()

    assert refused.code == 6
    assert "billing.lock" not in git(company.remote, "ls-tree", "--name-only", f"main:{PROD}")


def test_a_rollback_brings_it_back(company, clone):
    before = company.recorded(PROD)["billing"]
    clone("remove", "billing", "-e", PROD, "--yes").ok()

    clone("rollback", "billing", "-e", PROD, "--yes").ok()

    assert company.recorded(PROD)["billing"] == before


def test_nothing_is_removed_unasked(company, clone):
    before = tip(company)

    asked = clone("remove", "billing", "-e", PROD)
    shown = clone("remove", "billing", "-e", PROD, "--dry-run").ok()

    assert (asked.code, "--yes" in asked.stderr) == (2, True)
    assert "would write" in shown.stdout
    assert tip(company) == before


def test_what_the_environment_has_not_is_told(company, clone):
    done = clone("remove", "biling", "-e", PROD, "--yes")

    assert done.code == 2
    assert "biling" in done.stderr


def test_somebody_elses_version_is_not_removed_unseen(company, clone):
    hook = clone.directory / ".git" / "hooks" / "pre-push"
    moved = company.clone("faster")
    (moved / PROD / "billing.deployment").write_text(f"{A}\n")
    git(moved, "commit", "-qam", "Faster")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nrm $0\ncd {moved} && env -u GIT_DIR git push -q\n")
    hook.chmod(0o755)

    done = clone("remove", "billing", "-e", PROD, "--yes")

    assert done.code == 6, done
    assert company.recorded(PROD)["billing"] == A


def test_the_rules_of_its_stage_hold_it_up(company, clone):
    with_settings(
        company, '[stage.production]\nfreeze = ["2020-01-01 00:00 - 2099-01-01 00:00 UTC"]\n'
    )

    done = clone("remove", "billing", "-e", PROD, "--yes")

    assert done.code == 6
    assert "gitops.toml:2" in done.stderr

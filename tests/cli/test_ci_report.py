"""What CI systems are told of a result: outputs, summaries, dotenv reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.company import DEV, GITHUB, STAGING, tip
from tests.cli.live import Live
from tests.render.test_ci import read_github
from tests.testbed.article import Article
from tests.testbed.gitops import Gitops

NEW = "ab" * 20
SET = ("set", f"billing={NEW}", "-e", DEV, "--allow-older")


@pytest.fixture
def github(clone: Gitops, tmp_path: Path) -> Gitops:
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    return clone.using(**GITHUB, **files)


def test_a_record_is_outputs_and_a_summary(
    github: Gitops, company: Article, tmp_path: Path
) -> None:
    done = github(*SET).ok()

    outputs = read_github((tmp_path / "output").read_text())
    assert outputs == {
        "environment": DEV,
        "commit": tip(company),
        "changed": "true",
        "dry_run": "false",
        "services": "billing",
        "version": NEW,
        "review_branch": "",
        "review_url": "",
    }
    summary = (tmp_path / "summary").read_text()
    assert f"### Record in {DEV}" in summary
    assert "| billing | f7a5939 | abababa |" in summary
    assert "##" not in done.stdout + done.stderr


def test_a_second_step_goes_on_below_the_first(github: Gitops, tmp_path: Path) -> None:
    github(*SET).ok()
    github("promote", "billing", "--from", DEV, "--to", STAGING, "--dry-run").ok()

    summary = (tmp_path / "summary").read_text()
    assert f"### Promote from {DEV} to {STAGING}" in summary
    assert summary.index("### Record") < summary.index("### Promote")
    assert read_github((tmp_path / "output").read_text())["dry_run"] == "true"


@pytest.mark.parametrize("where", ["nowhere/at/all", "."])
def test_what_cannot_be_written_is_a_note(
    clone: Gitops, company: Article, tmp_path: Path, where: str
) -> None:
    before = tip(company)
    place = tmp_path / where
    github = clone.using(**GITHUB, GITHUB_OUTPUT=place, GITHUB_STEP_SUMMARY=place)
    done = github(*SET).ok()

    assert tip(company) != before
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        assert f"{name}: {place}: " in done.stderr


@pytest.mark.parametrize("where", ["nowhere/at/all", "."])
def test_a_report_file_that_cannot_be_written_is_told_before_the_write(
    clone: Gitops, company: Article, tmp_path: Path, where: str
) -> None:
    before = tip(company)

    done = clone(*SET, "--report-file", tmp_path / where)

    assert done.code == 2
    assert f"--report-file: {tmp_path / where}: " in done.stderr
    assert tip(company) == before


def test_a_summary_that_is_full_is_left_as_it_is(github: Gitops, tmp_path: Path) -> None:
    (tmp_path / "summary").write_text("x" * 999_900)
    github(*SET).ok()

    assert (
        (tmp_path / "summary")
        .read_text()
        .endswith("a recording that is too long for this page\n\n")
    )


def test_a_dotenv_report_is_written_where_it_is_wanted(
    clone: Gitops, company: Article, tmp_path: Path
) -> None:
    clone(*SET, "--report-file", tmp_path / "a.env").ok()
    clone.using(GITOPS_REPORT=tmp_path / "b.env")(*SET).ok()

    first, again = ((tmp_path / f"{n}.env").read_text().splitlines() for n in "ab")
    assert f"GITOPS_RESULT_COMMIT={tip(company)}" in first
    assert "GITOPS_RESULT_CHANGED=true" in first
    assert "GITOPS_RESULT_CHANGED=false" in again


def test_azure_gets_commands_and_a_file_to_show(clone: Gitops, tmp_path: Path) -> None:
    there = clone.using(CI=None, TF_BUILD="True", AGENT_TEMPDIRECTORY=tmp_path)
    done = there(*SET, "-o", "json").ok()

    assert done.json()["changed"] is True, "stdout is the result"
    lines = done.stderr.splitlines()
    assert f"##vso[task.setvariable variable=gitops_version;isOutput=true]{NEW}" in lines
    [shown] = [line for line in lines if "uploadsummary" in line]
    assert "### Record" in Path(shown.removeprefix("##vso[task.uploadsummary]")).read_text()


def test_a_person_is_told_nothing_of_it(clone: Gitops, tmp_path: Path) -> None:
    there = clone.using(CI=None, GITHUB_OUTPUT=tmp_path / "output")
    there(*SET).ok()

    assert not (tmp_path / "output").exists()


def test_diff_and_sync_say_what_differs_and_what_failed(behind: Live, tmp_path: Path) -> None:
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    here = behind.gitops.using(**GITHUB, **files)

    assert here("diff", behind.namespace).code == 1
    outputs = read_github((tmp_path / "output").read_text())
    assert (outputs["in_sync"], outputs["differing"]) == ("false", f"{behind.namespace}/web")
    here("sync", behind.namespace).ok()
    outputs = read_github((tmp_path / "output").read_text())
    assert (outputs["changed"], outputs["exit_code"], outputs["failed"]) == ("true", "0", "")
    assert (tmp_path / "summary").read_text().count("| web | Deployment ") == 2

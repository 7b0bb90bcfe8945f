"""`gitops trust`: what may run on this machine, and what others changed may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.live import NEW, OLD, Live
from tests.cli.stepped import (
    command,
    push,
    settings,
    states,
    trust,
)
from tests.testbed.git import git


def test_nothing_runs_that_was_not_trusted_and_everything_that_was(
    serving: Live, target: Path
) -> None:
    refused = serving.sync("--steps")
    assert refused.code == 6
    assert "gitops.toml:2: declares 1 program to run here" in refused.stderr
    assert "gitops trust" in refused.stderr
    assert not target.exists()
    assert OLD in serving.image_of("web"), "nothing else was done either"

    trust(serving.gitops)
    planned = serving.diff("--steps")
    assert planned.code == 1
    assert "would write one" in planned.stdout
    assert not target.exists(), "diff plans, and applies nothing"

    done = serving.sync("--steps", "--wait")
    assert "applied" in done.ok().stdout
    assert target.read_text() == "one\n"
    assert NEW in serving.image_of("web")
    assert states(serving.diff("--steps", "-o", "json").ok()) == {"dns": "unchanged"}
    assert "1 unchanged" in serving.sync("--steps").ok().stderr


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"infra/dns/wanted": "two\n"}, "infra/dns/wanted"),
        ({"infra/dns/more": "new\n"}, "infra/dns/more"),
        ({"infra/dns/wanted": None}, "infra/dns/wanted"),
    ],
)
def test_a_changed_file_is_not_trusted(
    declared: Live, target: Path, files: dict[str, str | None], said: str
) -> None:
    trust(declared.gitops)
    push(declared, files)

    refused = declared.sync("--steps")

    assert refused.code == 6
    assert f"programs changed since they were trusted here: {said}; nothing has run" in (
        refused.stderr
    )
    assert not target.exists()


def test_a_changed_mode_or_declaration_is_not_trusted(declared: Live, target: Path) -> None:
    trust(declared.gitops)
    push(declared, {"infra/dns/wanted": "one\n"}, programs=("infra/dns/wanted",))
    assert declared.sync("--steps").code == 6

    push(declared, {"infra/dns/wanted": "one\n"})
    text = settings(declared, command(declared, target, more='timeout = "7m"'))
    push(declared, {"gitops.toml": text})
    refused = declared.sync("--steps")
    assert refused.code == 6
    assert "what gitops.toml says of them" in refused.stderr
    assert not target.exists()


def test_versions_may_change_without_trusting_anew(serving: Live, target: Path) -> None:
    trust(serving.gitops)
    serving.gitops("set", f"web={OLD}", "-e", serving.namespace, "--allow-older").ok()

    serving.sync("--steps", "--wait").ok()

    assert target.exists()


def test_trust_shows_what_changed_and_takes_the_shown_digest_only(declared: Live) -> None:
    first = declared.gitops("trust")
    assert first.code == 2
    assert "./write.sh plan" in first.stdout
    assert "infra/dns/wanted" in first.stdout
    assert "needs its digest" in first.stderr
    wrong = declared.gitops("trust", "--yes", "--digest", "0" * 64)
    assert (wrong.code, "is not what would be trusted" in wrong.stderr) == (6, True)
    short = declared.gitops("trust", "--yes", "--digest", "a")
    assert short.code == 6

    trust(declared.gitops)
    assert "trusted since" in declared.gitops("trust").ok().stdout
    push(declared, {"infra/dns/wanted": "two\x1b[31m\n"})
    again = declared.gitops("trust")
    assert again.code == 2
    assert "\n-one\n+two\\x1b[31m\n" in again.stdout, "what changed, and nothing of it acts"


def test_trust_is_listed_removed_and_of_one_repository(declared: Live, target: Path) -> None:
    document = trust(declared.gitops)
    assert "trusted on this machine: 1 program" in document.stderr
    [one] = declared.gitops("trust", "--list", "-o", "json").ok().json()["repositories"]
    assert one["repository"] == str(declared.remote)
    home = Path(declared.gitops.environment["XDG_STATE_HOME"])
    [kept] = (home / "gitops-cli" / "trust").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700

    declared.gitops("trust", "--remove").ok()
    assert declared.gitops("trust", "--remove").code == 1
    assert declared.sync("--steps").code == 6
    assert not target.exists()


def test_what_others_could_have_written_is_no_trust(declared: Live, target: Path) -> None:
    trust(declared.gitops)
    home = Path(declared.gitops.environment["XDG_STATE_HOME"])
    [kept] = (home / "gitops-cli" / "trust").iterdir()
    kept.chmod(0o666)

    refused = declared.sync("--steps")

    assert refused.code == 4
    assert "others may write it" in refused.stderr
    aside = kept.with_suffix(".aside")
    kept.rename(aside)
    aside.chmod(0o600)
    kept.symlink_to(aside)
    assert declared.sync("--steps").code != 0
    kept.unlink()
    kept.write_text("{}")
    kept.chmod(0o600)
    assert declared.sync("--steps").code == 6
    assert not target.exists()


def test_a_person_is_asked(declared: Live) -> None:
    with declared.gitops.terminal("trust") as shown:
        shown.wait_for("Trust exactly this on this machine?")
        shown.type("n")
        shown.press("enter")
        assert shown.finish() == 1
    with declared.gitops.terminal("trust") as shown:
        shown.wait_for("Trust exactly this on this machine?")
        shown.type("y")
        shown.press("enter")
        assert shown.finish() == 0
        assert "exactly as shown" in shown.text.replace("\n", "")  # the path before it is long


def test_by_url_it_is_the_same_trust(declared: Live, target: Path, tmp_path: Path) -> None:
    away = declared.gitops.at(tmp_path)
    words = ("-R", str(declared.remote), "sync", declared.namespace, "--steps")
    assert away(*words).code == 6
    trust(declared.gitops)
    away(*words).ok()
    assert target.read_text() == "one\n"

    copy = tmp_path / "copy.git"
    git(tmp_path, "clone", "-q", "--bare", declared.remote, copy)
    target.unlink()
    other = away("-R", str(copy), "sync", declared.namespace, "--steps")
    assert other.code == 6, "the same content at another place is another repository"
    assert not target.exists()


def test_links_are_what_they_lead_to_and_never_lead_out(declared: Live, target: Path) -> None:
    work = declared.remote.parent / "colleague"
    (work / "infra" / "dns" / "wanted").unlink()
    (work / "infra" / "dns" / "wanted").symlink_to("../shared")
    push(declared, {"infra/shared": "shared\n"})
    trust(declared.gitops)
    declared.sync("--steps").ok()
    assert target.read_text() == "shared\n"

    push(declared, {"infra/shared": "swapped\n"})
    assert declared.sync("--steps").code == 6, "what the link leads to is part of it"
    (work / "infra" / "dns" / "wanted").unlink()
    (work / "infra" / "dns" / "wanted").symlink_to("/etc/passwd")
    push(declared, {"infra/shared": "shared\n"})
    refused = declared.sync("--steps")
    assert refused.code == 2
    assert "infra/dns/wanted:1: a symbolic link to `/etc/passwd`" in refused.stderr
    assert target.read_text() == "shared\n"

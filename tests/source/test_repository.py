"""What a service's source knows: order, commits between, and honest ignorance."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from gitops_cli.domain.names import ServiceName
from gitops_cli.domain.past.ancestry import Relation
from gitops_cli.domain.recorded.team import ServiceRules, TeamSettings
from gitops_cli.source.commits import Commits, Named
from gitops_cli.source.repository import SourceRepository, Sources
from gitops_cli.source.upstream import Upstream
from gitops_cli.web.parallel import ask_all
from tests.source.sources import commits, shallow
from tests.testbed.git import Commit, add_commits, git


def here(directory: Path) -> SourceRepository:
    return SourceRepository((Commits.around(directory),))


def mirrored(bare: Path, **more) -> SourceRepository:
    return SourceRepository((), Upstream(f"file://{bare}", **{"timeout": 20, **more}))


def test_a_complete_repository_counts_both_ways(remote):
    first, second, _, last = commits(remote)
    side = git(remote, "rev-parse", "side")
    source = here(remote)

    assert str(source.distance(first, last)) == "3 ahead"
    assert str(source.distance(last, second)) == "2 behind"
    assert str(source.distance(side, last)) == "2 ahead, 1 behind"
    assert source.distance(last, last).relation is Relation.SAME


def test_an_unknown_commit_is_unknown_and_not_no(remote):
    source = here(remote)

    assert source.distance("d" * 40, commits(remote)[0]).relation is Relation.UNKNOWN
    assert source.commit_time("d" * 40) is None


def test_a_tag_is_no_commit_of_the_source(remote):
    assert here(remote).distance("v1.2", commits(remote)[0]).relation is Relation.UNKNOWN


def test_a_shallow_clone_never_says_a_wrong_no(remote, tmp_path):
    """Both commits are there, the way between them is cut (facts: git answers 1)."""
    first, *_, last = commits(remote)
    clone = shallow(remote, tmp_path / "shallow")
    git(clone, "fetch", "-q", "--depth=1", "origin", first)

    assert git(clone, "cat-file", "-t", first) == "commit"
    assert here(clone).distance(first, last).relation is Relation.UNKNOWN


def test_a_shallow_clone_says_yes_where_it_knows(remote, tmp_path):
    *_, third, last = commits(remote)
    clone = shallow(remote, tmp_path / "shallow", depth=2)

    assert here(clone).distance(third, last).relation is Relation.AHEAD
    found = here(clone).distance(last, third)
    assert (found.relation, found.behind) == (Relation.BEHIND, None)


def test_the_mirror_answers_what_a_shallow_clone_cannot(remote, tmp_path):
    first, *_, last = commits(remote)
    clone = shallow(remote, tmp_path / "shallow")
    source = SourceRepository((Commits.around(clone),), mirrored(remote).upstream)

    assert str(source.distance(first, last)) == "3 ahead"
    assert git(clone, "rev-parse", "--is-shallow-repository") == "true"


def test_the_mirror_holds_commits_only(remote, cache):
    source = mirrored(remote)
    source.distance(*commits(remote)[:2])

    [mirror] = (cache / "gitops-cli" / "sources").glob("*.git")
    kinds = git(mirror, "cat-file", "--batch-check=%(objecttype)", "--batch-all-objects")
    assert set(kinds.split()) == {"commit"}


def test_a_mirror_without_trees_knows_times_kinds_and_what_lies_between(remote):
    first, *_, last = commits(remote)
    source = mirrored(remote)

    assert [commit.subject for commit in source.changelog(first, last).commits] == [
        "c3",
        "c2",
        "c1",
    ]
    assert source.commit_time(last) is not None
    assert source.named(last) == Named("commit", last)
    assert mirrored(remote).expand(last[:10]) == [last]


def test_known_commits_need_no_connection(remote):
    first, *_, last = commits(remote)
    mirrored(remote).distance(first, last)
    shutil.move(remote, remote.with_name("gone"))

    again = mirrored(remote)

    assert str(again.distance(first, last)) == "3 ahead"
    assert again.trouble is None


def test_a_new_commit_is_fetched(remote):
    last = commits(remote)[-1]
    mirrored(remote).commit_time(last)
    [new] = add_commits(remote, [Commit("new", {"f": "new"}, 1_760_000_020)])

    assert str(mirrored(remote).distance(last, new)) == "1 ahead"


def test_a_commit_that_no_branch_has_is_fetched_by_its_hash(remote):
    last = commits(remote)[-1]
    mirrored(remote).commit_time(last)
    git(remote, "branch", "gone", "main")
    [new] = add_commits(remote, [Commit("new", {"f": "new"}, 1_760_000_020)], branch="gone")
    git(remote, "branch", "-D", "gone")

    assert str(mirrored(remote).distance(last, new)) == "1 ahead"


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_plain_tag_on_a_tree_hides_no_commit(remote, before, cache):
    """git refuses the answer of a server without bitmaps: it leaves out all trees, this one too."""
    last = commits(remote)[-1]
    if not before:
        assert mirrored(remote).commit_time(last) is not None
    git(remote, "tag", "a-tree", "main^{tree}")
    [new] = add_commits(remote, [Commit("new", {"f": "new"}, 1_760_000_020)])
    source = mirrored(remote)

    assert str(source.distance(last, new)) == "1 ahead"
    assert source.trouble is None
    [mirror] = (cache / "gitops-cli" / "sources").glob("*.git")
    kept = git(mirror, "config", "remote.gitops.partialCloneFilter")
    assert kept == "blob:none", "the next fetch does not have to bring all anew"


def test_services_of_one_source_ask_its_remote_once(remote, tmp_path, monkeypatch):
    """All at the same time, each for a commit of its own, which no branch has any more."""
    alias = f'[url "file://{remote}"]\n\tinsteadOf = forge:shop.git\n'
    (tmp_path / "gitconfig").write_text(alias)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    names = [ServiceName(name) for name in ("auth", "web", "cart", "mail")]
    rules = {name: ServiceRules(name, source="forge:shop.git") for name in names}
    Sources(TeamSettings(services=rules)).of(names[0]).commit_time(commits(remote)[-1])
    git(remote, "branch", "gone", "main")
    lost = add_commits(
        remote,
        [Commit(name, {"f": name}, 1_760_000_020 + n) for n, name in enumerate(names)],
        branch="gone",
    )
    git(remote, "branch", "-D", "gone")
    sources = Sources(TeamSettings(services=rules))

    times = ask_all(
        lambda each: sources.of(each[0]).commit_time(each[1]), zip(names, lost, strict=True)
    )

    assert sources.troubles == {}
    assert [time and time.timestamp() for time in times] == [1_760_000_020 + n for n in range(4)]
    assert len({id(sources.of(name).upstream) for name in names}) == 1


def test_a_rewritten_history_is_followed(remote):
    first, second, *_, last = commits(remote)
    mirrored(remote).commit_time(last)
    git(remote, "branch", "-f", "main", first)
    [new] = add_commits(remote, [Commit("rewritten", {"f": "new"}, 1_760_000_030)])

    assert str(mirrored(remote).distance(second, new)) == "1 ahead, 1 behind"


def test_a_branch_that_moved_to_a_known_commit_is_asked_for(remote):
    """The stage rule `branches`: a release branch that takes up what main had all along."""
    last = commits(remote)[-1]
    assert not mirrored(remote).is_on(last, ["release"])
    git(remote, "branch", "release", "main")

    assert mirrored(remote).is_on(last, ["release"])


def test_a_remote_that_is_not_there_is_trouble_and_no_error(tmp_path):
    source = mirrored(tmp_path / "nothing.git")

    assert source.distance("a" * 40, "b" * 40).relation is Relation.UNKNOWN
    assert source.trouble is not None
    assert "nothing.git" in source.trouble


def test_offline_nobody_is_asked(remote):
    first, *_, last = commits(remote)
    source = mirrored(remote, offline=True)

    assert source.distance(first, last).relation is Relation.UNKNOWN
    assert source.trouble is None


def test_locks_of_a_killed_fetch_are_swept(remote, cache):
    last = commits(remote)[-1]
    mirrored(remote).commit_time(last)
    [mirror] = (cache / "gitops-cli" / "sources").glob("*.git")
    (mirror / "packed-refs.lock").touch()
    (mirror / "refs" / "heads").mkdir(parents=True, exist_ok=True)
    (mirror / "refs" / "heads" / "main.lock").touch()
    [new] = add_commits(remote, [Commit("new", {"f": "new"}, 1_760_000_020)])

    assert str(mirrored(remote).distance(last, new)) == "1 ahead"


def test_a_mirror_whose_making_was_cut_off_is_made_again(remote, cache):
    first, *_, last = commits(remote)
    mirrored(remote).distance(first, last)
    [mirror] = (cache / "gitops-cli" / "sources").glob("*.git")
    (mirror / "HEAD").unlink()

    assert str(mirrored(remote).distance(first, last)) == "3 ahead"


def test_the_changelog_lists_what_shipping_adds(remote):
    first, second, third, last = commits(remote)

    log = here(remote).changelog(first, last)

    assert [commit.hash for commit in log.commits] == [last, third, second]
    assert [commit.subject for commit in log.commits] == ["c3", "c2", "c1"]
    assert log.authors == ("Cleo C", "Ada L", "Ben B")
    assert log.removed == ()


def test_the_changelog_lists_what_going_back_takes_away(remote):
    first, second, *_ = commits(remote)

    log = here(remote).changelog(second, first)

    assert ([c.hash for c in log.removed], log.commits) == ([second], ())


def test_the_changelog_is_cut_but_counts_all(remote):
    first, *_, last = commits(remote)

    log = here(remote).changelog(first, last, limit=1)

    assert (len(log.commits), log.distance.ahead) == (1, 3)


def test_a_subject_with_odd_bytes_is_read(remote):
    odd = "tab\tand \x1b[31mcolour"
    [new] = add_commits(remote, [Commit(odd, {"f": "odd"}, 1_760_000_020)])

    log = here(remote).changelog(commits(remote)[-2], new)

    assert log.commits[0].subject == odd


def test_a_link_compares_on_the_forge(remote):
    first, *_, last = commits(remote)
    source = here(remote)._replace(remote="git@github.com:acme/auth.git")

    assert source.changelog(first, last).link == (
        f"https://github.com/acme/auth/compare/{first}...{last}"
    )


def test_a_short_hash_is_completed_from_what_is_here(remote):
    first = commits(remote)[0]

    assert here(remote).expand(first[:10]) == [first]
    assert here(remote).expand("0123456789") == []


def test_a_commit_from_beyond_the_calendar_is_no_bug(remote):
    last = commits(remote)[-1]
    tree = git(remote, "rev-parse", f"{last}^{{tree}}")
    header = f"tree {tree}\nparent {last}\nauthor A <a@b> 1 +0000\n"
    text = f"{header}committer A <a@b> 99999999999999 +0000\n\nfar\n"
    far = git(remote, "hash-object", "-t", "commit", "-w", "--stdin", stdin=text)

    log = here(remote).changelog(last, far)

    assert [commit.subject for commit in log.commits] == ["far"]
    assert here(remote).commit_time(far) is not None


def test_a_remote_that_never_answers_is_trouble_after_a_while(monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", "exec sleep 60 #")
    source = SourceRepository((), Upstream("git@127.0.0.1:acme/auth.git", timeout=1))

    assert source.distance("a" * 40, "b" * 40).relation is Relation.UNKNOWN
    assert source.trouble is not None
    assert "not done within 1 s" in source.trouble


def test_gits_own_ssh_command_is_kept(tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    (tmp_path / "gitconfig").write_text(f'[core]\n\tsshCommand = "echo \\"$@\\" > {seen}; false"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    source = SourceRepository((), Upstream("git@127.0.0.1:acme/auth.git", timeout=20))

    source.commit_time("a" * 40)

    assert "git@127.0.0.1" in seen.read_text()


def test_a_mirror_that_another_process_fetches_is_waited_for_and_left(remote, cache):
    mirrored(remote).commit_time(commits(remote)[-1])
    [mirror] = (cache / "gitops-cli" / "sources").glob("*.git")
    [new] = add_commits(remote, [Commit("new", {"f": "new"}, 1_760_000_020)])
    source = mirrored(remote, timeout=0.3)
    with (mirror / "gitops.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        assert source.commit_time(new) is None

    assert source.trouble is not None
    assert "another process is fetching it" in source.trouble


def test_a_cache_that_cannot_be_written_is_trouble_and_no_error(remote, cache):
    cache.write_text("in the way")

    source = mirrored(remote)

    assert source.commit_time(commits(remote)[0]) is None
    assert source.trouble is not None

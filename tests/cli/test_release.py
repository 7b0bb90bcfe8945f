"""`gitops release` where no container engine is: a stand-in for docker, and a scripted registry.

The real ones are in tests/node. Here the rest is held: what is asked first, what is refused, what
docker is told, and what happens when something breaks half-way.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.desk import DEV, DIGEST, SETTINGS, Desk
from tests.registry.scripted import Reply, Request, scripted
from tests.testbed.git import Commit, add_commits, git, init_bare
from tests.testbed.schemas import check

OTHER = "sha256:" + "f0" * 32
PROD = "shop-production"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 9\n"


def test_build_push_check_record(desk: Desk) -> None:
    done = desk.gitops("release", "-e", "dev", "-o", "json").ok()

    image = f"{desk.address}/shop/web:{desk.head}"
    build, push, *_ = desk.asked
    assert build.startswith(
        f"build --file {desk.checkout}/Dockerfile --label org.opencontainers.image.revision="
    )
    assert build.endswith(f"--tag {image} {desk.checkout}")
    assert push == f"push {image}"
    assert desk.recorded() == desk.head
    document = done.json()
    check(document)
    assert (document["kind"], document["action"]) == ("release", "release")
    assert document["image"] == image
    assert document["digest"] == DIGEST


def test_all_that_docker_is_told(desk: Desk) -> None:
    (desk.checkout / "app").mkdir()
    (desk.checkout / "app" / "Other").write_text("FROM scratch\n")
    git(desk.checkout, "add", ".")
    git(desk.checkout, "commit", "-q", "-m", "Move")

    desk.gitops.using(TOKEN="s3cret")(
        *("release", "web", "-e", "dev", "--build", "app", "--file", "app/Other"),
        *("--build-arg", "A=1", "--build-arg", "B", "--secret", "id=npm,env=TOKEN"),
        *("--platform", "linux/arm64", "--label", "team=shop"),
    ).ok()

    build = desk.asked[0]
    assert f"--file {desk.checkout}/app/Other " in build
    assert "--build-arg A=1 --build-arg B --secret id=npm,env=TOKEN --platform linux/arm64" in build
    assert build.endswith(f" {desk.checkout}/app")


def test_a_context_outside_of_the_checkout_is_warned_of(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "Dockerfile").write_text("FROM scratch\n")

    inside = desk.gitops("release", "-e", "dev", "--build", ".", "--dry-run").ok()
    outside = desk.gitops("release", "-e", "dev", "--build", "../built").ok()

    assert "warning" not in inside.stderr
    assert f"warning: {tmp_path / 'built'} is not in {desk.checkout}" in outside.stderr


def test_output_of_a_build_cannot_command_the_ci_system(desk: Desk) -> None:
    done = desk.gitops("release", "-e", "dev").ok()

    lines = done.stderr.splitlines()
    assert "build | ::error::not a command of ours" in lines
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


def test_quiet_leaves_the_build_out(desk: Desk) -> None:
    assert "build |" not in desk.gitops("release", "-e", "dev", "-q").ok().stderr


def lfs(desk: Desk) -> None:
    """Commit files of git-lfs to `web/`: one that was not fetched, one that was."""
    files = {
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "web/model.bin": POINTER,
        "web/other.bin": "the content\n",
        "web/pointer.md": POINTER,
        "web/Dockerfile": "FROM scratch\n",
    }
    for path, text in files.items():
        (desk.checkout / path).parent.mkdir(exist_ok=True)
        (desk.checkout / path).write_text(text)
    git(desk.checkout, "add", ".")
    git(desk.checkout, "commit", "-qm", "Large files")


def test_a_pointer_of_lfs_in_what_is_built_is_warned_of(desk: Desk) -> None:
    lfs(desk)

    done = desk.gitops("release", "-e", "dev", "--build", "web").ok()

    [warning] = [line for line in done.stderr.splitlines() if "git-lfs" in line]
    assert warning.startswith("warning: web/model.bin in the image: a pointer of git-lfs")


def test_an_empty_submodule_in_what_is_built_is_warned_of(desk: Desk, tmp_path: Path) -> None:
    library = init_bare(tmp_path / "library.git")
    add_commits(library, [Commit("lib", {"lib.py": "x\n"}, 1_793_606_400)])
    where = ("-c", "protocol.file.allow=always", "submodule", "add", "-q", f"file://{library}")
    for path in ("vendor/lib", "vendor/full"):
        git(desk.checkout, *where, path)
    git(desk.checkout, "commit", "-qm", "Libraries")
    git(desk.checkout, "submodule", "deinit", "-q", "vendor/lib")

    done = desk.gitops("release", "-e", "dev").ok()

    [warning] = [line for line in done.stderr.splitlines() if "submodule" in line]
    assert warning.startswith("warning: vendor/lib in the image: a submodule that is empty")


def test_what_lies_outside_of_the_context_is_not_warned_of(desk: Desk) -> None:
    lfs(desk)
    (desk.checkout / "app").mkdir()
    (desk.checkout / "app" / "Dockerfile").write_text("FROM scratch\n")
    git(desk.checkout, "add", ".")
    git(desk.checkout, "commit", "-qm", "App")

    assert "warning" not in desk.gitops("release", "-e", "dev", "--build", "app").ok().stderr


def test_without_a_dockerfile_the_image_has_to_be_there(desk: Desk) -> None:
    git(desk.checkout, "rm", "-q", "Dockerfile")
    git(desk.checkout, "commit", "-qm", "Built elsewhere")

    missing = desk.gitops("release", "-e", "dev")
    (desk.directory / "tags" / desk.head).touch()
    desk.gitops("release", "-e", "dev").ok()

    assert missing.code == 2
    assert "has no Dockerfile, and the registry has no " in missing.stderr
    assert desk.recorded() == desk.head
    assert desk.asked == []


def test_a_second_run_builds_nothing(desk: Desk) -> None:
    desk.gitops("release", "-e", "dev").ok()
    asked = desk.asked

    again = desk.gitops("release", "-e", "dev").ok()

    assert desk.asked == asked
    assert "is in the registry already" in again.stderr
    assert "nothing to do" in again.stdout


def test_a_registry_that_denies_what_does_not_exist_gets_its_first_image(desk: Desk) -> None:
    (desk.directory / "denies").touch()

    done = desk.gitops("release", "-e", "dev").ok()

    assert "cannot tell whether the image exists" in done.stderr
    assert desk.recorded() == desk.head


def test_a_stage_of_pull_requests_gets_a_branch_once_the_image_is_there(desk: Desk) -> None:
    rules = '[stage.development]\nmode = "pr"\n'
    add_commits(desk.state, [Commit("rules", {"gitops.toml": rules}, 1_793_700_000)])
    before = git(desk.state, "rev-parse", "main")

    planned = desk.gitops("release", "-e", "dev", "--new", "--dry-run").ok().stdout
    document = desk.gitops("release", "-e", "dev", "--new", "-o", "json").ok().json()
    again = desk.gitops("release", "-e", "dev", "--new", "-o", "json").ok().json()

    assert f"would push gitops/set/{DEV}+web" in planned
    assert git(desk.state, "rev-parse", "main") == before
    recorded = git(desk.state, "show", f"gitops/set/{DEV}+web:{DEV}/web.deployment")
    assert recorded == desk.head
    assert document["branch"] == f"gitops/set/{DEV}+web"
    assert (document["changed"], again["changed"]) == (True, False)


def test_an_image_without_a_record_is_recorded(desk: Desk) -> None:
    (desk.directory / "tags" / desk.head).touch()

    desk.gitops("release", "-e", "dev", "--pin").ok()

    assert desk.asked == []
    assert desk.recorded() == f"{desk.head}@{DIGEST}"


@pytest.mark.parametrize(
    ("broken", "code", "words"),
    [
        ("build-fails", 1, "docker build ended with exit code 1: no space left on device"),
        ("push-fails", 4, "docker login"),
    ],
)
def test_what_fails_before_the_image_is_there(
    desk: Desk, broken: str, code: int, words: str
) -> None:
    (desk.directory / broken).touch()

    done = desk.gitops("release", "-e", "dev")

    assert (done.code, desk.untouched()) == (code, True)
    assert words in done.stderr


def test_somebody_else_pushed_the_tag_at_the_same_time(desk: Desk) -> None:
    desk.change_docker(DIGEST, OTHER)

    done = desk.gitops("release", "-e", "dev")

    assert (done.code, desk.untouched()) == (6, True)
    assert DIGEST in done.stderr
    assert OTHER in done.stderr


def test_a_pushed_image_that_never_shows(desk: Desk) -> None:
    desk.change_docker('touch "$DESK/tags', 'true "$DESK/tags')

    done = desk.gitops("release", "-e", "dev", "--wait-image", "1s")

    assert (done.code, desk.untouched()) == (8, True)


def test_a_lock_refuses_before_docker_is_asked(desk: Desk) -> None:
    lock: dict[str, str | None] = {f"{DEV}/.lock": 'reason = "party"\n'}
    add_commits(desk.state, [Commit("lock", lock, 1_793_606_500)])

    done = desk.gitops("release", "-e", "dev")

    assert (done.code, desk.asked) == (6, [])


def test_a_check_refuses_before_anything_is_built_and_is_asked_once(desk: Desk) -> None:
    answers = [Reply(503), Reply(200)]
    with scripted(lambda _: answers.pop(0)) as page:
        check = f'[stage.development.check.window]\nurl = "http://{page.address}/window"\n'
        settings: dict[str, str | None] = {"gitops.toml": f"{SETTINGS}{check}"}
        add_commits(desk.state, [Commit("check", settings, 1_793_606_500)])

        refused = desk.gitops("release", "-e", "dev")
        assert (refused.code, desk.asked) == (6, [])
        assert "check window" in refused.stderr

        desk.gitops("release", "-e", "dev").ok()
        assert answers == []


def test_a_check_is_asked_once_of_what_is_pinned(desk: Desk) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return Reply(200)

    with scripted(answer) as page:
        check = f'[stage.development.check.window]\nurl = "http://{page.address}/window"\n'
        settings: dict[str, str | None] = {"gitops.toml": f"{SETTINGS}{check}"}
        add_commits(desk.state, [Commit("check", settings, 1_793_606_500)])

        done = desk.gitops("release", "-e", "dev", "--pin", "-o", "json").ok().json()

    assert desk.recorded() == f"{desk.head}@{DIGEST}"
    assert [gate["name"] for gate in done["gates"]] == ["window"]
    assert len(asked) == 1


def test_dirty_is_refused_by_name(desk: Desk) -> None:
    (desk.checkout / "Dockerfile").write_text("FROM other\n")
    (desk.checkout / "new").write_text("x")

    done = desk.gitops("release", "-e", "dev", "-o", "json")

    assert (done.code, desk.asked) == (6, [])
    error = json.loads(done.stderr)
    assert error["code"] == "dirty-tree"
    assert "Dockerfile, new" in error["message"]
    assert "--allow-dirty" in error["hint"]


def test_dirty_work_is_marked(desk: Desk) -> None:
    (desk.checkout / "Dockerfile").write_text("FROM other\n")

    done = desk.gitops("release", "-e", "dev", "--allow-dirty", "-m", "try it").ok()

    version = desk.recorded()
    assert version != desk.head
    assert "no branch has it" in done.stderr
    message = git(desk.state, "log", "-1", "--format=%B", "main")
    assert f"Gitops-Reason: try it (uncommitted changes on top of {desk.head[:7]})" in message
    assert f"org.opencontainers.image.revision={version}" in desk.asked[0]


def test_a_promotion_of_dirty_work_shows_what_it_is(desk: Desk) -> None:
    """In the checkout by its subject; elsewhere as a version that the service's source lacks."""
    git(desk.checkout, "push", "-q", "origin", "HEAD")
    source = git(desk.checkout, "remote", "get-url", "origin")
    files: dict[str, str | None] = {
        f"{PROD}/images_path": f"{desk.address}/shop/\n",
        f"{PROD}/web.deployment": f"{desk.head}\n",
        "gitops.toml": f'[service.web]\nsource = "{source}"\n',
    }
    add_commits(desk.state, [Commit("what runs", files, 1_793_606_401)])
    (desk.checkout / "Dockerfile").write_text("FROM other\n")
    desk.gitops("release", "-e", "dev", "--allow-dirty").ok()
    promote = ("promote", "web", "--from", "dev", "--to", "prod")

    here = desk.gitops(*promote, "--dry-run").ok()
    elsewhere = desk.gitops.at(desk.directory)(*promote)

    assert f"Uncommitted changes on top of {desk.head}" in here.stdout
    assert "1 ahead" in here.stdout
    row = f"web      {desk.head[:7]}  {desk.recorded()[:7]}  unknown"
    assert row in elsewhere.stdout
    assert elsewhere.code == 2, "it asks, and there is nobody to ask"
    assert git(desk.state, "show", f"main:{PROD}/web.deployment") == desk.head


def test_dry_run(desk: Desk) -> None:
    done = desk.gitops("release", "-e", "dev", "--dry-run").ok()

    assert (desk.asked, desk.untouched()) == ([], True)
    assert "would be made and pushed, unless the registry has it" in done.stdout
    assert "would write" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--build", "nowhere"], "not a directory"),
        (["--file", "nowhere"], "no such file"),
        (["--cmd", "sh"], "--cmd is for --image-from-container"),
        (["--image-from-container", "c", "--build", "."], "takes no build options"),
        (["--image-from-container", "--rm"], "not the id or name of a container"),
        (["--secret", "hunter2"], "names where a secret is"),
        (["--secret", "id=npm,env=NOT_SET"], "names is not set"),
        (["--label", "x"], "NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant(desk: Desk, words: list[str], said: str) -> None:
    done = desk.gitops("release", "-e", "dev", *words)

    assert (done.code, desk.asked, desk.untouched()) == (2, [], True)
    assert said in done.stderr
    assert "hunter2" not in done.stderr


def test_podmans_name_for_a_dockerfile(desk: Desk) -> None:
    git(desk.checkout, "mv", "Dockerfile", "Containerfile")
    git(desk.checkout, "commit", "-q", "-m", "Rename")

    desk.gitops("release", "-e", "dev").ok()

    assert desk.asked[0].startswith(f"build --file {desk.checkout}/Containerfile ")


def test_the_engine_runs_where_the_command_does(desk: Desk, tmp_path: Path) -> None:
    desk.change_docker("  build) ", '  build) pwd > "$DESK/pwd"; ')

    desk.gitops.at(tmp_path)("-C", "web", "release", "-e", "dev").ok()

    assert (desk.directory / "pwd").read_text().strip() == str(desk.checkout)


def test_outside_of_a_checkout(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    done = desk.gitops.at(tmp_path / "empty")("release", "-e", "dev")

    assert done.code == 2
    assert "not a git checkout" in done.stderr


def test_the_images_path_moves_while_it_is_built(desk: Desk) -> None:
    moved = f"""git -C {desk.state} show main:{DEV}/images_path > /dev/null
    work=$(mktemp -d "$DESK/XXXXXX"); git clone -q {desk.state} "$work/s"
    echo {desk.address}/elsewhere/ > "$work/s/{DEV}/images_path"
    git -C "$work/s" commit -qam moved; git -C "$work/s" push -q"""
    desk.change_docker("  build) echo", f"  build) {moved}\n echo")

    done = desk.gitops("release", "-e", "dev")

    assert done.code == 6, str(done)
    assert "images_path changed meanwhile" in done.stderr
    assert git(desk.state, "log", "-1", "--format=%s", "main") == "moved"


def test_several_platforms_with_docker_are_its_buildx_plugins_work(desk: Desk) -> None:
    platforms = ("--platform", "linux/amd64", "--platform", "linux/arm64")

    desk.gitops("release", "-e", "dev", "--pin", *platforms).ok()

    [build] = [line for line in desk.asked if line.startswith("buildx build")]
    assert "--platform linux/amd64,linux/arm64" in build
    assert "--push" in build
    assert desk.recorded() == f"{desk.head}@{DIGEST}"

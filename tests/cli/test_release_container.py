"""`gitops release --image-from-container`, told to a stand-in for docker."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk


def test_an_image_from_a_container(desk: Desk) -> None:
    desk.gitops(
        *("release", "-e", "dev", "--image-from-container", "seeded"),
        *("--cmd", "nginx -g 'daemon off;'"),
    ).ok()

    _look, commit, push, *_ = desk.asked
    assert commit.startswith('commit --change LABEL "org.opencontainers.image.revision"=')
    assert 'CMD ["nginx", "-g", "daemon off;"]' in commit
    assert commit.endswith(f" seeded {desk.address}/shop/web:{desk.head}")
    assert push.startswith("push ")


@pytest.mark.parametrize(
    ("started_with", "words", "warned"),
    [
        ('"Cmd": ["sh", "-c", "apt-get update"]', [], True),
        ('"Cmd": ["nginx"], "Entrypoint": ["sh", "-c", "apt-get update"]', [], True),
        ('"Cmd": ["sh", "-c", "apt-get update"]', ["--cmd", "nginx"], False),
        ('"Cmd": ["nginx"]', [], False),
    ],
)
def test_a_container_that_would_seed_itself_again_is_warned_of(
    desk: Desk, started_with: str, words: list[str], warned: bool
) -> None:
    seen = f"""  container) echo '[{{"Image": "stock", "Config": {{{started_with}}}}}]' ;;
  image) [ "$3" = --format ] || {{ echo '[{{"Config": {{"Cmd": ["nginx"]}}}}]'; exit; }}
        """
    desk.change_docker("  image) ", seen)

    done = desk.gitops("release", "-e", "dev", "--image-from-container", "seeded", *words).ok()

    assert ("every pod seeds itself again; --cmd says" in done.stderr) is warned
    assert "apt-get" not in done.stderr, "a command line may hold a secret"


def test_a_container_whose_image_is_there_is_not_committed_again(desk: Desk) -> None:
    (desk.directory / "tags" / desk.head).touch()

    done = desk.gitops("release", "-e", "dev", "--image-from-container", "seeded").ok()

    assert desk.asked == []
    assert "container seeded is not committed again" in done.stderr

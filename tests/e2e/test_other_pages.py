"""The commands of the pages that explain work as they stand there, in one sandbox.

They are run as a script runs them, but for those that ask. What newcomers follow is typed on a
terminal: test_readme.py, test_pages.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.desk import running_desk
from tests.e2e.pages import KUBECTL, ROOT, YES, Page, Scene
from tests.e2e.test_pages import PAGES
from tests.e2e.test_readme import README
from tests.forge.fakes import PROJECT, TOKEN, running_forge
from tests.testbed.git import git
from tests.testbed.gitops import Gitops

MAKE = (
    "check",
    "test",
    "test-sweep",
    "test-node",
    "test-long",
    "mutants",
    "fuzz",
    "bench",
    "demo",
)
STORIES = ("rollback", "adopt", "ci", "agent")
SERVICE = "notifications"
ENV = "project1-development"
AGENT = "asks for a remote that pods reach: tests/agent/test_commands.py"
PLAYS = "takes twenty seconds: tests/cli/test_demo.py"
RUNS = "is how the tests are run"
BASELINE = "tests/cli/test_diff_baseline.py"
REQUESTS = "tests/cli/test_pr.py"
PLANS = "tests/cli/test_pr_plan.py"
MANIFESTS = "tests/cli/test_manifests_writing.py"
STEPS = "needs steps: tests/cli/test_steps.py"
LOST = "needs a server of ssh: tests/agent/test_restore.py"
HERE = "makes the world that all of these are run in"


def page(
    path: str,
    scenes: dict[str, Scene] | None = None,
    elsewhere: dict[str, str] | None = None,
    **words: str,
) -> Page:
    """Return a page; `words` are what stands for something else in it."""
    words = {**words, "SERVICE": words.get("SERVICE", SERVICE), "ENV": words.get("ENV", ENV)}
    return Page(f"docs/{path}.md", scenes or {}, elsewhere or {}, words, typed=False)


# In the order in which they leave the sandbox as the next ones need it.
IN_THE_SANDBOX = [
    page("decisions/0018-pages"),
    page(
        "notices",
        {},
        {
            "gitops agent status --notify": "tests/agent/test_notices.py",
            "pip install 'gitops-cli[notify]'": "asks the package index",
            "kubectl -n gitops-agent create secret generic gitops-agent-notify "
            "--from-file=chat=./chat": "needs that file and namespace: tests/agent/test_notices.py",
        },
    ),
    page("performance"),
    page(
        "report",
        {},
        {"gitops report --serve": "ends when it is told to: tests/cli/test_report.py"},
        shop="project1",
    ),
    page("decisions/0006-commands-load-when-called"),
    page("contributing/adding-a-command", {}, {"gitops x": "is nobody's command"}),
    page(
        "exit-codes",
        {
            "gitops diff && echo same": Scene(shows="same"),
            "gitops history | head": Scene(shows="authentication"),
        },
    ),
    page(
        "manifests",
        {
            "gitops diff --envs staging prod": Scene(code=1, shows="differs"),
            "gitops restore --check": Scene(code=1, shows="has no manifests"),
        },
        {
            "gitops promote --all --to prod --with-manifests": MANIFESTS,
            "gitops rollback --commit SHA": MANIFESTS,
            "gitops rollback -e ENV --to TIME": MANIFESTS,
            "kubectl get all,cm,ingress -n project1-development "
            "-l applyset.kubernetes.io/part-of": KUBECTL,
        },
    ),
    page(
        "schema/README",
        {
            "gitops sync -o jsonl": Scene(code=2, shows="--all"),
            "gitops promote --all": Scene(answers=(("Promote to?", ""), *YES)),
            "gitops diff --envs A B": Scene(code=1, shows="differs"),
            "gitops restore --check": Scene(code=1, shows="has no manifests"),
        },
        **{" A B": " staging prod"},
    ),
    page(
        "infrastructure",
        {"gitops trust --list": Scene(shows="nothing is trusted")},
        {
            "gitops trust": STEPS,
            "gitops trust --remove": STEPS,
            "gitops trust --yes --digest DIGEST": STEPS,
            "gitops diff prod --steps": STEPS,
            "gitops sync prod --steps": STEPS,
            "gitops agent install ENV --steps": "tests/agent/test_steps_installed.py",
        },
    ),
    page(
        "restoring",
        {
            "gitops restore --check": Scene(code=1, shows="has no manifests"),
        },
        {
            "kubectl delete namespace rehearsal": KUBECTL,
            "gitops restore --all --agent --agent-image registry.example.com/tools/gitops-cli:1 "
            "--agent-key key --known-hosts known_hosts": LOST,
            "gitops agent install ENV --steps": "tests/agent/test_steps_installed.py",
        },
        **{
            "shop-production": ENV,
            "new-cluster": "gitops-sandbox",
            " test": " gitops-sandbox",
            "2026-03-01T12:00": "2d",
        },
    ),
    page(
        "clusters",
        {
            "gitops logs SERVICE -e ENV": Scene(shows="kubectl logs"),
            "gitops exec SERVICE -e ENV [-- COMMAND…]": Scene(code=1, shows="runs no containers"),
        },
        {
            "gitops diff --baseline known-drift.json --write-baseline": BASELINE,
            "gitops diff --baseline known-drift.json -o html > drift.html": BASELINE,
        },
    ),
    page(
        "agent",
        {
            "gitops agent status": Scene(code=1, shows="missing"),
            "gitops init --agent shell --agent-repo URL": Scene(
                "empty", answers=(("Projects", "project1"), ("Where", "registry.example.com/"))
            ),
        },
        {
            "gitops agent key project1-production": AGENT,
            "gitops agent install project1-production "
            "--image registry.example.com/tools/gitops-cli:1": AGENT,
            "gitops diff project1-production --as-agent": AGENT,
            "gitops agent manifests ENV": AGENT,
            "gitops agent install ENV": AGENT,
            "gitops trust": STEPS,
            "gitops agent install ENV --mode controller --metrics 9464": AGENT,
            "gitops sync --steps": STEPS,
            "gitops agent install ENV --steps": "tests/agent/test_steps_installed.py",
            "gitops agent install prod --steps --mode controller "
            "--image registry.example.com/tools/gitops-steps:1": "tests/agent/test_steps.py",
            "gitops agent run -e ENV --interval 1m --metrics 9464": "tests/agent/test_metrics.py",
            "git fetch --depth=1": "is what an agent does: tests/agent/test_run.py",
            "kubectl apply -f -": KUBECTL,
            "kubectl auth can-i --as system:serviceaccount:ENV:gitops-agent --list": KUBECTL,
            "kubectl delete validatingadmissionpolicy gitops-agent": KUBECTL,
            "kubectl -n ENV get configmap gitops-agent -o yaml": KUBECTL,
        },
        URL="https://git.example.com/acme/state.git",
    ),
    page(
        "architecture",
        {"gitops promote authentication --from dev --to prod": Scene(answers=YES)},
    ),
    page(
        "troubleshooting",
        {
            "gitops diff ENV": Scene(shows="in sync"),
            "gitops rollback SERVICE -e ENV --hold --sync": Scene(answers=YES, shows="patched"),
        },
        {
            "gitops agent install ENV": AGENT,
            "gitops agent install ENV --steps": "tests/agent/test_steps_installed.py",
        },
        URL="origin",
        **{"SERVICE": "authentication", "ENV": "project1-staging"},
    ),
    page(
        "gitops-toml",
        {"gitops up billing --dry-run": Scene(shows="project1-staging")},
        {"gitops NAME": "is any alias"},
        KEY="project",
        VALUE="project1",
    ),
    page(
        "changing-versions",
        {
            "gitops env add till-dev": Scene(
                answers=(("Where are its images?", "registry.example.com/till/"),),
                shows="till-dev",
            ),
            "gitops set SERVICE -e dev": Scene("checkout", code=2, shows="is not known as"),
            "gitops promote --all --from staging --to production": Scene(answers=YES),
            "gitops remove SERVICE… -e ENV": Scene(answers=YES),
            "gitops rollback SERVICE -e ENV": Scene(answers=YES),
            "gitops rename billing invoices": Scene(answers=YES),
        },
        {
            "gitops release -e dev --new": "needs docker: tests/cli/test_release.py",
            "gitops approve prod billing": "needs two people: tests/cli/test_gates.py",
            "gitops approve --withdraw": "needs two people: tests/cli/test_gates.py",
        },
        **{"SERVICE=HASH": f"{SERVICE}={'5' * 40}", "SERVICE…": SERVICE, "…": "--all --to prod"},
    ),
    page(
        "json",
        {
            'gitops status --query "projects[].services[].environments[?behind > \\`0\\`]'
            '.service[]"': Scene(shows="authentication"),
            "gitops set -e dev --query commit": Scene("checkout"),
        },
        {
            "gitops watch -o json": "ends when it is told to: tests/cli/test_watch.py",
            "gitops status -o json | jq -r '.projects[].services[].environments[] | "
            "select(.behind > 0) | [.environment, .service, .behind] | @tsv'": KUBECTL,
        },
    ),
    page(
        "sandbox",
        {
            "gitops set frontend=dead0cc71c376136bb8d52b3a0505917ba5b00d4 -e prod": Scene(),
            "gitops sync project1-production --wait": Scene(code=7, shows="frontend"),
            "gitops rollback frontend -e prod": Scene(answers=YES),
            'echo "- Something new" >> README.md && git commit -am "Something new"': Scene(
                "sources/frontend"
            ),
            "gitops set -e dev": Scene("sources/frontend", shows="frontend"),
        },
        {
            "pip install 'gitops-cli[sandbox]'": "asks the package index",
            **dict.fromkeys(("gitops demo", *(f"gitops demo --story {s}" for s in STORIES)), PLAYS),
            "gitops demo --context kind-kind": PLAYS,
            "gitops sandbox up": HERE,
            "gitops sandbox down": HERE,
            'eval "$(gitops sandbox env)"': "changes a shell: tests/cli/test_sandbox.py",
            "cd ~/.cache/gitops/sandbox/sources/frontend": "is where the next ones are typed",
            "kubectl get pods -n project1-production": KUBECTL,
        },
    ),
]


RELEASING = page(
    "releasing",
    {
        "gitops release -e dev": Scene("checkout", shows="web new"),
        "gitops release -e dev --image-from-container ID --cmd \"nginx -g 'daemon off;'\"": Scene(
            "checkout", shows="nothing to do"
        ),
        "gitops init --ci github|gitlab|jenkins|shell": Scene("made"),
    },
    ID="seeded",
    **{"github|gitlab|jenkins|shell": "github --project web --images-path registry.example.com/"},
)
REVIEWS = page(
    "reviews",
    {
        "gitops promote billing --to prod --pr --reviewer ada --label release": Scene(
            answers=YES, shows="pull request 12 opened"
        ),
        "gitops pr list": Scene(shows="12"),
        "gitops pr status 12 --wait --timeout 30m && gitops wait prod": Scene(shows="merged"),
        "gitops pr merge 12": Scene(answers=YES, shows="merged"),
    },
    {
        "gitops promote … --pr": "is shown in full below",
        "gitops validate -o markdown | gitops pr comment 12": REQUESTS,
        "gitops pr plan origin/gitops/promote/project1-production+billing": PLANS,
        "gitops diff prod -o markdown | gitops pr comment 12 --name diff": REQUESTS,
    },
)
CONTRIBUTING = Page("CONTRIBUTING.md", {}, {f"make {goal}": RUNS for goal in MAKE}, {})
ALL = [*IN_THE_SANDBOX, RELEASING, REVIEWS, CONTRIBUTING, *PAGES, README]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path)
def test_every_command_is_run_here_or_elsewhere_for_a_reason(page: Page) -> None:
    page.check_reasons()


def test_no_page_is_left_out() -> None:
    """Those with commands; docs/commands.md is made of examples, which test_words.py reads."""
    pages = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"))
    found = {str(path.relative_to(ROOT)) for path in pages} - {"docs/commands.md"}

    with_commands = {path for path in found if Page(path, {}, {}, {}).shown()}

    assert with_commands == {page.path for page in ALL}


@pytest.mark.sweep
def test_the_commands_work_in_a_sandbox(user: Gitops) -> None:
    for page in IN_THE_SANDBOX:
        page.play(user)


@pytest.mark.sweep
def test_the_commands_about_releasing_work(gitops: Gitops, tmp_path: Path) -> None:
    with running_desk(tmp_path, gitops) as desk:
        (tmp_path / "checkout").symlink_to(desk.checkout)
        (tmp_path / "environments-state").symlink_to(desk.state)
        (tmp_path / "made").mkdir()
        RELEASING.play(desk.gitops.at(tmp_path))


@pytest.mark.sweep
def test_the_commands_about_reviews_work(user: Gitops) -> None:
    state = user.directory / "environments-state"
    with running_forge("github") as (forge, _):
        url = f"http://{forge.address}/{PROJECT}.git"
        git(state, "config", f"url.{git(state, 'remote', 'get-url', 'origin')}.insteadOf", url)
        git(state, "remote", "set-url", "origin", url)
        user("config", "set", f"forge.{forge.address}.kind", "github").ok()
        user("config", "set", f"forge.{forge.address}.token", "TOKEN_HERE").ok()
        for number in range(11):
            forge.opened(f"theirs-{number}")

        def becomes(state: str) -> Callable[[], None]:
            return lambda: forge.requests[11].update(state=state)

        REVIEWS.play(
            user.using(TOKEN_HERE=TOKEN),
            {
                "gitops pr status 12 --wait --timeout 30m && gitops wait prod": becomes("merged"),
                "gitops pr merge 12": becomes("open"),
                "gitops pr close 12 --yes": becomes("open"),
            },
        )
    assert forge.wrong == []

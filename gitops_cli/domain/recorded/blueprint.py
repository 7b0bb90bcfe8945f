"""The files of a new state repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from gitops_cli.domain.errors import UsageError
from gitops_cli.domain.names import EnvironmentName, is_dns_label, parse_environment
from gitops_cli.domain.recorded.environment import IMAGES_PATH
from gitops_cli.domain.recorded.files import RawFile
from gitops_cli.domain.recorded.reading import parse_environment_files
from gitops_cli.domain.recorded.team import DEFAULT_STAGES
from gitops_cli.domain.text import one_line

PROJECT = "{project}"


class Pipelines(StrEnum):
    """Whose pipelines check the repository."""

    GITHUB = "github"
    GITLAB = "gitlab"
    JENKINS = "jenkins"
    SHELL = "shell"
    NONE = "none"


class Blueprint(NamedTuple):
    """What a new repository is about. `images_path` may hold `{project}`."""

    projects: Sequence[str]
    stages: Sequence[str]
    images_path: str
    forge: Pipelines = Pipelines.NONE

    @property
    def environments(self) -> Mapping[EnvironmentName, str]:
        """Return each environment with its images path, by project and stage."""
        return {
            EnvironmentName(f"{project}-{stage}"): self.images_path.replace(PROJECT, project)
            for project in self.projects
            for stage in self.stages
        }


def checked(blueprint: Blueprint) -> Blueprint:
    """Return the blueprint if a good repository comes of it; raises UsageError."""
    for word, names in (("project", blueprint.projects), ("stage", blueprint.stages)):
        if not names:
            raise UsageError(f"no {word} was named", hint=f"pass --{word} NAME")
        if len(set(names)) != len(names):
            raise UsageError(f"a {word} is named twice: {one_line(', '.join(names))}")
        for name in names:
            if not is_dns_label(name):
                raise UsageError(
                    f"`{one_line(name)}` is not the name of a {word}",
                    hint="use lower-case letters, digits and `-`: it is part of a namespace's name",
                )
    for name, images_path in blueprint.environments.items():
        parse_environment(name)
        images_path_of(name, images_path)
    return blueprint


def images_path_of(name: EnvironmentName, images_path: str) -> str:
    """Return the content of an environment's images_path file; raises UsageError."""
    content = f"{images_path.strip()}\n"
    read = parse_environment_files(name, [RawFile(f"{name}/{IMAGES_PATH}", content.encode())])
    for finding in read.findings:
        raise UsageError(f"--images-path: {finding.message}", hint=finding.hint)
    return content


def files_of(blueprint: Blueprint) -> dict[str, str]:
    """Return path → content of every file; the blueprint is checked."""
    return {
        **{
            f"{name}/{IMAGES_PATH}": images_path_of(name, images_path)
            for name, images_path in blueprint.environments.items()
        },
        "gitops.toml": "".join(_settings(blueprint.stages)),
        "README.md": _readme(blueprint),
        ".gitattributes": _GITATTRIBUTES,
        ".pre-commit-config.yaml": _PRE_COMMIT,
    }


def _settings(stages: Sequence[str]) -> Iterator[str]:
    listed = ", ".join(f'"{stage}"' for stage in stages)
    last, before = stages[-1], stages[-2] if len(stages) > 1 else None
    yield "# What the team agreed. Every key is optional, and `gitops help gitops.toml` has\n"
    yield "# them all; `gitops validate` checks this file, and `gitops config list --show-origin`\n"
    yield "# shows what is in force and why.\n\n"
    yield "# From the first to the last: `gitops promote --to X` copies from the stage before X.\n"
    comment = "# " if tuple(stages) == DEFAULT_STAGES else ""
    yield f"{comment}stages = [{listed}]\n\n"
    yield f"# [stage.{last}]\n"
    yield '# aliases = ["live"]                       # other names for it\n'
    yield '# cluster = "prod-eu"                      # its kubeconfig context and no other\n'
    if before is not None:
        yield f'# promote_from = ["{before}"]{" " * max(1, 22 - len(before))}# nothing skips it\n'
    yield "# protected = true                         # confirmed by name, with a reason\n"
    yield '# freeze = ["Fri 16:00 - Mon 08:00 Europe/Warsaw"]\n'
    yield '# require = ["image", "live-in-source"]    # what a promotion checks first\n'
    yield '# mode = "pr"                              # changes go through a pull request\n\n'
    yield "# [service.authentication]\n"
    yield '# source = "git@example.com:acme/authentication.git"   # for changelogs and "3 behind"\n'
    yield '# container = "app"                        # which gets the image; ["a", "b"]: several\n'
    yield '# workload = "rel-authentication"          # its name in clusters, if it is another\n\n'
    yield "# [versions]\n"
    yield '# form = "any"                             # permit tags that are not commit hashes\n'
    yield '# new_services = "allow"                   # CI may record new services\n'


_GITATTRIBUTES = """\
# Shells and agents read these files as they are: never with Windows' line ends.
* text=auto eol=lf
"""

_PRE_COMMIT = """\
# Once per clone: `pre-commit install`. Then a broken file cannot be committed.
repos:
  - repo: local
    hooks:
      - id: gitops-validate
        name: gitops validate
        entry: gitops validate --staged
        language: python
        additional_dependencies: [gitops-cli]
        always_run: true
        pass_filenames: false
"""

# What the pipelines of operations/recipes.py do, for whoever finds them in the repository.
_PIPELINES: Mapping[Pipelines, str] = {
    Pipelines.GITHUB: """
The workflows in `.github/workflows` say it on every request, and what a proposed promotion would
record (`validate.yml`). With the variable `DEPLOY` they bring what was merged to the clusters, as
deployments that GitHub's pages show (`deploy.yml`), and with `DRIFT` they look each morning whether
clusters are as recorded (`drift.yml`). What each needs stands at its top.
""",
    Pipelines.GITLAB: """
`.gitlab-ci.yml` says it on every merge request, and what a proposed promotion would record. With
the variable `DEPLOY` it brings what was merged to the clusters, as environments that GitLab's pages
show, and in a schedule of pipelines it looks whether clusters are as recorded. What each needs
stands at its top.
""",
}
_NO_PIPELINES = """
`gitops init --ci github` (or `gitlab`) in a new directory writes pipelines that do it for every
push, say on requests what they find, and show at the forge what runs where: take what you want.
"""


def _readme(blueprint: Blueprint) -> str:
    first = next(iter(blueprint.environments))
    tree = "\n".join(f"├── {name + '/':<31}{path}" for name, path in blueprint.environments.items())
    return _README.format(
        environment=first,
        commands=_commands(blueprint, first),
        tree=tree,
        pipelines=_PIPELINES.get(blueprint.forge, _NO_PIPELINES),
    )


def _commands(blueprint: Blueprint, first: EnvironmentName) -> str:
    begin, end = blueprint.stages[0], blueprint.stages[-1]
    project = "" if len(blueprint.projects) == 1 else f" -p {blueprint.projects[0]}"
    commands = {
        "gitops status": "what is recorded where",
        f"gitops set authentication=HASH -e {begin}{project}": "CI does this after each build",
        f"gitops promote authentication --to {end}{project}": "copies from the stage before",
        "gitops diff": "recorded against running",
        f"gitops sync {first}": "makes the cluster follow",
        "gitops history authentication": "who, when, from, to, why",
        f"gitops rollback authentication -e {end}{project}": "a new commit with the version before",
    }
    width = max(map(len, commands))
    return "\n".join(f"{command:<{width}}  # {what}" for command, what in commands.items())


_README = """\
# Environments state

This repository says which version of each service runs where. A cluster is made to follow it, by
`gitops sync` or by an agent. What stands on the branch is what should run; its history is the
record of who changed what, and when.

```
.
{tree}
└── gitops.toml                    what the team agreed
```

A directory is an environment, and its name is the Kubernetes namespace. In it:

| file | holds |
|---|---|
| `images_path` | where the images are: the text in front of the service's name |
| `SERVICE.deployment` | the commit hash to run (or `.statefulset`, `.daemonset`, `.cronjob`) |
| `SERVICE.lock` | optional: a hold on that version, and why (`.lock` alone: on all of them) |
| `manifests/` | optional: Kubernetes YAML |

The image of a service is `images_path` + service + `:` + hash.

## Every day

```sh
{commands}
```

Nothing here depends on that tool. With git and kubectl alone:

```sh
git pull
cd {environment}
for file in *.deployment; do
  service=${{file%.deployment}}
  image=$(cat images_path)$service:$(cat $file)
  kubectl -n {environment} set image deployment/$service $service=$image
done
```

## Checks

`gitops validate` finds what could not be deployed: short hashes, merge markers, misspelt keys.
`.pre-commit-config.yaml` runs it before each commit (`pre-commit install`, once per clone).
{pipelines}"""

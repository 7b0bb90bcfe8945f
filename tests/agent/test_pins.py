"""What a pod is given to run with: the same in both kinds of image."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from gitops_cli.agent.pins import requirements

ROOT = Path(__file__).resolve().parents[2]


def names(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    pairs = (line.partition("==") for line in lines if line and not line.startswith("#"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, _, version in pairs}


def test_the_baked_image_has_what_the_seeded_one_installs() -> None:
    seeded = {line.partition("==")[0] for line in requirements()} - {"gitops-cli"}
    assert set(names("agent-requirements.txt")) == seeded
    assert seeded <= set(names("constraints.txt"))


def test_the_agent_starts_without_the_packages_that_are_left_out() -> None:
    code = (
        "import sys\n"
        "for name in ('kubernetes', 'questionary', 'prompt_toolkit', 'urllib3',\n"
        "             'tomlkit', 'jmespath', 'cryptography', 'jinja2'):\n"
        "    sys.modules[name] = None\n"
        "from gitops_cli.cli.app import app\n"
        "app(['agent', 'run', '--repo', '/nowhere', '--env', 'x', '--kubeconfig', '/nowhere'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "/nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_images_build_has_every_file_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    files = project["tool"]["setuptools"]["data-files"].values()
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    seen = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert sources <= seen
    for path in (Path(name) for names in files for name in names):
        assert {str(path), *map(str, path.parents)} & sources, f"the Dockerfile copies no {path}"

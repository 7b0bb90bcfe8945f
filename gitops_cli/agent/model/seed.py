"""The seeded agent: a stock Python image that installs what it needs when it starts.

Both articles seed as root into the image's own file system. This does the same job as `nobody`
on a read-only root: Debian packages are only unpacked, below an emptyDir.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from gitops_cli.agent.model.spec import Seed

DIRECTORY = "/seed"

_SCRIPT = r"""set -eu
trap 'exit 143' TERM
seed=/seed
missing=
for program in git ssh $(printf %s "$SEED_PACKAGES" | grep -ow gpg); do
  command -v $program >/dev/null || missing=1
done
if [ -n "$missing" ]; then
  mkdir -p $seed/lists/partial $seed/cache/archives/partial $seed/root
  apt="apt-get -qq -o Debug::NoLocking=1 -o Dir::State::Lists=$seed/lists -o Dir::Cache=$seed/cache"
  if [ -n "${SEED_APT_SOURCES-}" ]; then
    printf '%s\n' "$SEED_APT_SOURCES" >$seed/sources.list
    apt="$apt -o Dir::Etc::SourceList=$seed/sources.list -o Dir::Etc::SourceParts=/dev/null"
  fi
  $apt update
  $apt install --yes --no-install-recommends --download-only $SEED_PACKAGES >/dev/null
  for package in $seed/cache/archives/*.deb; do dpkg-deb --extract "$package" $seed/root; done
  rm -r $seed/lists $seed/cache
  export PATH=$seed/root/usr/bin:$seed/root/bin:$PATH
  export GIT_EXEC_PATH=$seed/root/usr/lib/git-core
  export GIT_TEMPLATE_DIR=$seed/root/usr/share/git-core/templates
  for directory in $seed/root/usr/lib/*-linux-gnu $seed/root/lib/*-linux-gnu; do
    [ -d "$directory" ] && LD_LIBRARY_PATH=$directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  done
  export LD_LIBRARY_PATH
fi
python3 -m pip install --quiet --no-cache-dir --no-deps --no-compile --disable-pip-version-check \
  --target $seed/python $SEED_REQUIREMENTS
export PYTHONPATH=$seed/python
exec python3 -m gitops_cli "$@"
"""


def command(arguments: Sequence[str]) -> list[str]:
    """Return the container's command: seed, then become `gitops` with these arguments."""
    return ["sh", "-c", _SCRIPT, "gitops", *arguments]


def variables(seed: Seed) -> dict[str, str]:
    """Return the environment that tells the script what to install and from where."""
    found = {
        # Bare words: the script's shell splits them and knows no quotes in them.
        "SEED_PACKAGES": " ".join(seed.packages),
        "SEED_REQUIREMENTS": " ".join(seed.requirements),
        "SEED_APT_SOURCES": seed.apt_sources,
        "PIP_INDEX_URL": seed.index,
        "PIP_TRUSTED_HOST": _plain_host(seed.index),
    }
    return {name: value for name, value in found.items() if value}


def _plain_host(index: str | None) -> str | None:
    """Return the host of an index without TLS, which pip would ignore: it was asked for."""
    parts = urlsplit(index or "")
    return parts.hostname if parts.scheme == "http" else None

"""Pages of forges, shown by a browser."""

from __future__ import annotations


def open_page(url: str) -> bool:
    """Tell whether a browser took it: the one of BROWSER, or the system's."""
    import webbrowser  # hardly ever asked for

    return webbrowser.open(url)

"""Chat, mail and a hundred others by apprise, which is an extra: `gitops-cli[notify]`."""

from __future__ import annotations

import logging

from gitops_cli.notify.failing import NotSent

_INSTALL = "pip install 'gitops-cli[notify]'"


def tell(url: str, title: str, text: str) -> None:
    """Send a text to an address of apprise's; raises NotSent."""
    try:
        from apprise import Apprise, NotifyFormat
    except ImportError:
        raise NotSent(f"an address that is none of https needs apprise: {_INSTALL}") from None
    # It logs addresses and answers, which may hold secrets.
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    service = Apprise()
    try:
        is_known = service.add(url)
        is_sent = is_known and service.notify(body=text, title=title, body_format=NotifyFormat.TEXT)
    except Exception:  # noqa: BLE001 - of a hundred plugins, and its words may have the address
        is_known, is_sent = True, False
    if not is_known:
        raise NotSent("apprise does not know such an address")
    if not is_sent:
        raise NotSent("apprise could not send it; `apprise -vv -b test ADDRESS` says why")

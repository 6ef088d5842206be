"""A service on a port of its own, for tests with a browser; and what axe finds on a page."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from service.settings import Settings

PATIENCE_S = 120


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve with these settings; yields the address."""
    import uvicorn

    from service.http.app import create_app
    from service.http.server import listen, url_of

    config = uvicorn.Config(create_app(settings), log_config=None, lifespan="on", ws="none")
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        yield url_of(listener)
        server.should_exit = True
        thread.join(PATIENCE_S)


def serious_findings(page: Page) -> list[Any]:
    """What axe finds on a page as it is, of the impacts serious and critical."""
    import axe_playwright_python

    # The file alone: the page's own policy refuses scripts, but not what the debugger evaluates.
    script = Path(axe_playwright_python.__file__).with_name("axe.min.js")
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        (finding["id"], [node["target"] for node in finding["nodes"]])
        for finding in found["violations"]
        if finding["impact"] in ("serious", "critical")
    ]

"""Serve the page of a pretend shop that has Vitrine's components in it, from an origin of its own.

    vitrine keys add web --scope read --shop SHOP
    VITRINE_CORS_ORIGINS=http://127.0.0.1:8100 vitrine serve --shop SHOP
    python scripts/embed_demo.py --api http://127.0.0.1:8000/ --key vtr_... --item mug-012

See docs/embed.md.
"""

from __future__ import annotations

import argparse
import html
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PAGE = Path(__file__).with_suffix(".html")


class DemoShop(ThreadingHTTPServer):
    """Serves the page at every address; ``/p/ID`` is the page of an item."""

    def __init__(self, port: int, *, api: str, key: str, item: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.api = api if api.endswith("/") else f"{api}/"
        self.key = key
        self.item = item

    @property
    def url(self) -> str:
        """Return the origin of the page."""
        return f"http://127.0.0.1:{self.server_port}"

    def page(self, path: str) -> bytes:
        """Return the page at a path."""
        item = unquote(path.removeprefix("/p/")) if path.startswith("/p/") else self.item
        text = PAGE.read_text(encoding="utf-8")
        for name, value in (("api", self.api), ("key", self.key), ("item", item)):
            text = text.replace(f"{{{{{name}}}}}", html.escape(value))
        return text.encode()


class _Handler(BaseHTTPRequestHandler):
    server: DemoShop

    def do_GET(self) -> None:
        """Reply with the page."""
        body = self.server.page(self.path.partition("?")[0])
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main() -> int:
    """Serve until Ctrl+C."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--api", default="http://127.0.0.1:8000/", help="Address of the service.")
    parser.add_argument("--key", default="", help="A key of the scope read.")
    parser.add_argument("--item", default="", help="The item whose page is shown first.")
    parser.add_argument("--port", type=int, default=8100)
    given = parser.parse_args()
    with DemoShop(given.port, api=given.api, key=given.key, item=given.item) as shop:
        print(f"The pretend shop is at {shop.url}; VITRINE_CORS_ORIGINS must list it")
        try:
            shop.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

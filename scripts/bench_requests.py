"""Requests of the benchmarks as bytes, and one client that sends them on new connections."""

from __future__ import annotations

import json
import socket

_JSON = {"Content-Type": "application/json"}


def ask(
    address: tuple[str, int], request: bytes, *, source: str | None = None
) -> tuple[int, bytes]:
    """Send a request on a new connection; return status (0 without a reply in 10 s) and body."""
    got = b""
    try:
        with socket.create_connection(
            address, timeout=10, source_address=(source, 0) if source else None
        ) as client:
            client.sendall(request)
            while data := client.recv(1 << 16):
                got += data
                head, found, body = got.partition(b"\r\n\r\n")
                if found and len(body) >= number_after(head.lower(), b"content-length:"):
                    return int(head[9:12]), body
    except OSError:
        return 0, b""  # refused, broken or late
    return 0, b""  # closed without a reply


def upload(photo: bytes) -> bytes:
    """Return the request for a search with a photo, as a form."""
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body += photo + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    return request("POST", "/v1/search/image", kind, body)


def json_request(path: str, question: object, *, close: bool = False) -> bytes:
    """Return a POST request with a JSON body; with ``close``, the last of its connection."""
    headers = _JSON | ({"Connection": "close"} if close else {})
    return request("POST", path, headers, json.dumps(question).encode())


def request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def number_after(lower: bytes, name: bytes) -> int:
    """Return the number of a header in lower-case headers; 0 without it."""
    _, found, rest = lower.partition(name)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0

"""Fetching pictures: only from where it is allowed, within limits, and again if that may help."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import chain
from types import SimpleNamespace

import pytest

from indexer.errors import BadImage, BadQuery
from indexer.fetching.addresses import CannotResolve, is_allowed, resolve
from indexer.fetching.client import FetchClient, TryAgain
from indexer.fetching.fetcher import Fetcher
from indexer.fetching.ledger import KnownPicture, Ledger
from indexer.fetching.pacing import HostPace
from indexer.fetching.policy import FetchPolicy, parse_hosts, parse_networks, parse_target
from tests.conftest import COLORS, jpeg, plain
from tests.imageserver import ImageServer

PICTURE = jpeg(plain(COLORS["red"]))
HERE = parse_networks(["127.0.0.0/8"])
NAMES = {
    "private.example": ["10.0.0.5"],
    "meta.example": ["169.254.169.254"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "mixed.example": ["93.184.216.34", "127.0.0.1"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
}
ATTEMPTS = [
    # this machine, in every spelling
    "http://127.0.0.1/x.jpg", "http://127.0.0.1:8080/", "http://127.1/", "http://0/",
    "http://0.0.0.0/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://0x7f.0.0.1/", "http://127.0.0.1./", "http://localhost/", "http://LOCALHOST./",
    "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    "http://①②⑦.⓪.⓪.①/", "http://１２７．０．０．１/", "https://127.0.0.1/",
    # networks that are not public
    "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://0300.0250.1.1/",
    "http://100.64.0.1/", "http://192.0.0.192/", "http://198.18.0.1/", "http://[fc00::1]/",
    "http://[fe80::1]/", "http://[fe80::1%25lo]/", "http://224.0.0.1/", "http://240.0.0.1/",
    "http://255.255.255.255/", "http://127。0。0。1/", "http://0x7f.1/", "http://lo\u00adcalhost/",
    "http://[fec0::1]/", "http://192.88.99.1/", "http://0251.0376.0251.0376/",
    # an address in another one: translated, NAT64 of one's own, ISATAP, Teredo
    "http://[::ffff:0:7f00:1]/", "http://[64:ff9b:1::7f00:1]/", "http://[2606:4700::5efe:7f00:1]/",
    "http://[2606:4700::200:5efe:10.0.0.1]/", "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    # where clouds answer questions about a machine
    "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/", "http://0xa9fea9fe/", "http://2852039166/", "http://100.100.100.200/",
    "http://168.63.129.16/", "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::1]/",
    # names of such addresses
    *(f"http://{name}/x.jpg" for name in NAMES),
    # URLs that two programs may read differently
    "http://cdn.example@127.0.0.1/", "http://user:word@127.0.0.1/",
    "http://cdn.example\\@127.0.0.1/", "http://127.0.0.1\\.cdn.example/",
    "http://127.0.0.1%00.cdn.example/", "http://127.0.0.1%2f.cdn.example/",
    "http://cdn.example\r\nHost: 127.0.0.1/", "http:///127.0.0.1/", "http:127.0.0.1",
    "http://[::1", "http://cdn.example:0/", "http://cdn.example:99999/", "http://cdn.example:8a/",
    # other schemes
    "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://127.0.0.1/x", "dict://127.0.0.1/",
    "data:image/png;base64,AA==", "//127.0.0.1/x.jpg", "jar:http://127.0.0.1!/",
]  # fmt: skip


def find(host: str, port: int) -> list[str]:
    """Addresses without asking a name server."""
    if host in NAMES:
        return NAMES[host]
    if host.endswith("example"):
        return ["93.184.216.34"]
    return resolve(host, port)


@pytest.fixture
def connections(monkeypatch):
    """The addresses that anything tries to connect to; nothing is reached."""
    made: list[object] = []

    def refuse(_: socket.socket, address: object) -> None:
        made.append(address)
        raise OSError("not in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return made


@pytest.mark.parametrize("url", ATTEMPTS)
def test_no_url_reaches_what_is_not_public(connections, url):
    client = FetchClient(FetchPolicy(hosts=parse_hosts(["*:*"])), find)
    with pytest.raises((BadImage, TryAgain)):
        client.get(url, {})
    assert connections == []


def test_the_table_of_attempts_is_long_and_a_public_host_would_be_reached(connections):
    assert len(ATTEMPTS) >= 40
    client = FetchClient(FetchPolicy(hosts=parse_hosts(["*:*"])), find)
    with pytest.raises(TryAgain):
        client.get("http://cdn.example/x.jpg", {})
    assert connections == [("93.184.216.34", 80)]


@pytest.mark.parametrize(
    ("hosts", "url", "allowed"),
    [
        ("cdn.example", "http://cdn.example/x", True),
        ("cdn.example", "https://CDN.example./x", True),
        ("cdn.example", "http://evil.example/x", False),
        ("cdn.example", "http://cdn.example.evil.com/x", False),
        ("cdn.example", "http://x.cdn.example/x", False),
        ("cdn.example", "http://cdn.example:8080/x", False),
        ("cdn.example:8080", "http://cdn.example:8080/x", True),
        ("cdn.example:8080", "http://cdn.example/x", False),
        ("cdn.example:*", "http://cdn.example:6379/x", True),
        ("*.shop.example", "http://a.b.shop.example/x", True),
        ("*.shop.example", "http://shop.example/x", False),
        ("*.shop.example", "http://myshop.example/x", False),
        ("*", "https://any.example/x", True),
        ("*", "http://any.example:22/x", False),
        ("[2606:4700::1]", "http://[2606:4700::1]/x", True),
        ("münchen.example", "http://MÜNCHEN.example/x", True),
    ],
)
def test_only_named_hosts_and_ports_are_allowed(hosts, url, allowed):
    policy = FetchPolicy(hosts=parse_hosts([hosts]))
    assert policy.allows(parse_target(url)) is allowed


@pytest.mark.parametrize("text", ["", "a b", "http://cdn.example", "cdn.example:x", "*.", "-"])
def test_a_wrong_host_or_network_is_named(text):
    with pytest.raises(BadQuery, match="is not a host") as caught:
        parse_hosts([text])
    assert caught.value.param == "allow-host"
    with pytest.raises(BadQuery, match="is not a network"):
        parse_networks([text])


def test_link_local_addresses_are_never_allowed():
    everything = parse_networks(["0.0.0.0/0", "::/0"])
    assert is_allowed("10.0.0.1", everything)
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"):
        assert not is_allowed(address, everything)


def test_a_path_is_escaped_as_browsers_do():
    assert (
        parse_target(" http://a.example/Röd Mugg.jpg?v=1#top ").path == "/R%C3%B6d%20Mugg.jpg?v=1"
    )
    assert parse_target("http://a.example/a%20b").path == "/a%20b"
    assert parse_target("http://a.example").url == "http://a.example/"


@pytest.fixture
def server():
    made = ImageServer()
    made.pictures["/x.jpg"] = PICTURE
    yield made
    made.close()


def policy(server, **fields):
    quick = {"pause_s": 0.0, "per_second": 0.0, "networks": HERE, "hosts": (server.host,)}
    return FetchPolicy(**{**quick, **fields})


def fetch(server, path, **fields):
    with Fetcher(policy(server, **fields)) as fetcher:
        response = fetcher.submit(server.url(path)).result()
        fetcher.release(response)
        return response, fetcher.counts


def test_a_picture_is_fetched_with_its_marks(server):
    response, counts = fetch(server, "/x.jpg")
    assert response.data == PICTURE
    assert response.etag
    assert (counts.fetched, counts.bytes, counts.failed) == (1, len(PICTURE), 0)


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/", "http://10.0.0.1/", "http://[::1]/", "file:///etc/passwd",
        "http://localhost:1/x.jpg", "//evil.example/x.jpg", "http://user@127.0.0.1/", "ftp://a/x",
        "http://[bad/", "http://2130706433:1/",
    ],
)  # fmt: skip
def test_a_redirect_is_checked_like_any_url(server, place):
    server.answers["/moved"] = lambda _: (302, {"Location": place}, b"")
    with pytest.raises(BadImage, match=r"not fetched|not a URL"):
        fetch(server, "/moved")
    assert server.hits == {"/moved": 1}


def test_redirects_are_followed_but_not_forever(server):
    server.answers["/old"] = lambda _: (301, {"Location": "/x.jpg?new"}, b"")
    server.pictures["/x.jpg?new"] = PICTURE
    assert fetch(server, "/old")[0].data == PICTURE
    server.answers["/loop"] = lambda _: (302, {"Location": "/loop"}, b"")
    with pytest.raises(BadImage, match="more than 5 redirects"):
        fetch(server, "/loop")
    assert server.hits["/loop"] == 6


def test_the_connection_goes_to_the_address_that_was_checked(server):
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])  # the name server changes its mind
    asked = []

    def rebind(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    allowed = policy(server, hosts=(f"shop.example:{server.port}",))
    with Fetcher(allowed, rebind) as fetcher:
        url = f"http://shop.example:{server.port}/x.jpg"
        assert fetcher.submit(url).result().data == PICTURE
    assert asked == ["shop.example"]
    client = FetchClient(allowed, lambda *_: ["10.0.0.1"])
    with pytest.raises(BadImage, match=r"10\.0\.0\.1, which is not a public address"):
        client.get(url, {})


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(server):
    codes = chain([503, 429, 500], iter(lambda: 200, 0))

    def busy(_):
        code = next(codes)
        return (code, {}, PICTURE) if code == 200 else (code, {"Retry-After": "0"}, b"")

    server.answers["/busy"] = busy
    response, counts = fetch(server, "/busy")
    assert (response.data, counts.retries) == (PICTURE, 3)
    server.answers["/down"] = lambda _: (503, {}, b"")
    with pytest.raises(BadImage, match="not fetched in 4 attempts: the answer is 503"):
        fetch(server, "/down")
    assert server.hits["/down"] == 4
    with pytest.raises(BadImage, match="the answer is 404 Not Found"):
        fetch(server, "/gone")
    assert server.hits["/gone"] == 1


def test_a_host_that_limits_its_rate_loses_no_picture(server, monkeypatch):
    monkeypatch.setattr("indexer.fetching.client._wait", lambda _: 0.001)
    with Fetcher(policy(server)) as fetcher:

        def busy(_):
            if server.hits["/busy"] == 8:
                return 200, {}, PICTURE
            fetcher.submit(server.url("/x.jpg")).result(120)  # the host sends other pictures
            return 429, {}, b""

        server.answers["/busy"] = busy
        assert fetcher.submit(server.url("/busy")).result(120).data == PICTURE
    server.answers["/never"] = lambda _: (429, {}, b"")
    with pytest.raises(BadImage, match="not fetched in 4 attempts: the answer is 429"):
        fetch(server, "/never")


def test_a_host_may_give_the_date_until_which_to_wait(server):
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    waits = []
    for text in (later, "Thu, 01 Jan 1970 00:00:00 GMT", "7", "soon"):
        server.answers["/x.jpg"] = lambda _, text=text: (429, {"Retry-After": text}, b"")
        with pytest.raises(TryAgain) as caught:
            FetchClient(policy(server)).get(server.url("/x.jpg"), {})
        waits.append(caught.value.wait_s)
    assert waits == [60, 0, 7, 0]


def test_all_requests_to_a_host_wait_as_long_as_it_asks():
    pace = HostPace("cdn.example", at_once=1, per_second=0.0)
    waits: list[float] = []
    pace.hold(30)
    with pace.turn(SimpleNamespace(wait=waits.append)):
        pass
    assert 29 < waits[0] <= 30


def test_a_cut_body_is_tried_again(server):
    bodies = iter([PICTURE[:100], PICTURE])

    def cut(request):
        body = next(bodies)
        if body != PICTURE:
            request.close_connection = True
        return 200, {"Content-Length": str(len(PICTURE))}, body

    server.answers["/cut"] = cut
    assert fetch(server, "/cut")[0].data == PICTURE


def test_a_picture_that_is_too_large_is_given_up(server):
    server.answers["/said"] = lambda _: (200, {"Content-Length": "99999999"}, b"")

    def endless(request):
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        try:
            while not server.closing.is_set():
                request.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        except OSError:
            pass

    server.answers["/endless"] = endless
    for path in ("/said", "/endless"):
        with pytest.raises(BadImage, match="too large: over 1 MB"):
            fetch(server, path, megabytes=1.0)
        assert server.hits[path] == 1


@pytest.mark.parametrize("part", ["header", "body"])
def test_a_server_that_drips_is_cut_off(server, part):
    def drip(request):
        head = b"HTTP/1.1 200 OK\r\n"
        if part == "body":
            head += b"Content-Length: 1000000\r\n\r\n"
        try:
            request.wfile.write(head)
            while not server.closing.wait(0.02):
                request.wfile.write(b"X" if part == "body" else b"X-A: b\r\n"[:1])
        except OSError:
            pass

    server.answers["/drip"] = drip
    with pytest.raises(BadImage, match=r"took longer than 0\.2 s"):
        fetch(server, "/drip", seconds=0.2, attempts=1)


def test_a_host_that_cannot_be_reached_is_not_asked_forever(server):
    asked = []

    def gone(host: str, port: int) -> list[str]:
        asked.append(host)
        raise CannotResolve("no such name")

    with Fetcher(
        FetchPolicy(hosts=("*",), pause_s=0.0, per_second=0.0, threads=1), gone
    ) as fetcher:
        jobs = [fetcher.submit(f"http://gone.example/{n}.jpg") for n in range(30)]
        reasons = [str(job.exception()) for job in jobs]
    assert "no such name" in reasons[0]
    assert "not asked again in this run" in reasons[-1]
    assert len(asked) == 40  # ten pictures, four attempts each
    assert fetcher.counts.failed == 30


def test_a_host_that_refuses_a_picture_was_reached(server):
    failing = [True] * 9 + [False] + [True] * 5 + [False]
    tries = iter(failing)

    def sometimes(host: str, port: int) -> list[str]:
        if next(tries):
            raise CannotResolve("no such name")
        return ["127.0.0.1"]

    port = server.host.partition(":")[2]
    rules = policy(server, hosts=(f"shop.example:{port}",), threads=1, attempts=1)
    with Fetcher(rules, sometimes) as fetcher:
        names = ["gone.jpg"] * 15 + ["x.jpg"]  # the tenth answer is 404
        jobs = [fetcher.submit(f"http://shop.example:{port}/{name}") for name in names]
        assert "404" in str(jobs[9].exception())
        assert jobs[-1].result().data == PICTURE


def test_no_host_gets_more_requests_at_once_than_it_may(server):
    for number in range(40):
        server.pictures[f"/{number}.jpg"] = PICTURE
    with Fetcher(policy(server, at_once=2)) as fetcher:
        jobs = [fetcher.submit(server.url(f"/{number}.jpg")) for number in range(40)]
        assert all(job.result().data == PICTURE for job in jobs)
    assert server.most_at_once <= 2


def test_a_picture_that_is_tried_again_needs_no_room(server, monkeypatch):
    monkeypatch.setattr("indexer.fetching.fetcher._HELD", 1)  # one picture fills it
    with Fetcher(policy(server)) as fetcher:

        def busy_until_another_is_held(_):
            if server.hits["/busy"] > 1:
                return 200, {}, PICTURE
            fetcher.submit(server.url("/x.jpg")).result(120)
            return 503, {"Retry-After": "0"}, b""

        server.answers["/busy"] = busy_until_another_is_held
        assert fetcher.submit(server.url("/busy")).result(120).data == PICTURE
    assert server.hits == {"/busy": 2, "/x.jpg": 1}


def test_the_ledger_counts_runs_and_forgets_what_no_run_saw_for_long(tmp_path):
    with Ledger(tmp_path / "fetched.lmdb") as ledger:
        picture = KnownPicture('"a"', "", b"c" * 16, 4, 3, ledger.run)
        ledger.put({"http://a/x": picture})
        assert ledger.known("http://a/x") == picture
        assert picture.marks == {"If-None-Match": '"a"'}
        for _ in range(9):
            ledger.finish()
        assert ledger.known("http://a/x") == picture
    with Ledger(tmp_path / "fetched.lmdb") as ledger:
        assert ledger.run == 10
        ledger.finish()
        ledger.finish()
        assert ledger.known("http://a/x") is None


def test_the_first_requests_of_many_threads_are_answered():
    code = (
        "from indexer.fetching.fetcher import Fetcher\n"
        "from indexer.fetching.policy import FetchPolicy, parse_networks\n"
        "import sys\n"
        "here = parse_networks(['127.0.0.0/8'])\n"
        "with Fetcher(FetchPolicy((sys.argv[1],), here, attempts=1)) as fetcher:\n"
        "    jobs = [fetcher.submit(f'http://{sys.argv[1]}/{n}') for n in range(24)]\n"
        "    print({type(job.exception()).__name__ for job in jobs})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "127.0.0.1:9"], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "{'BadImage'}", done.stderr  # and no ImportError

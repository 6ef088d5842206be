"""Replies of text are compressed, and what a browser has is not sent again."""

from __future__ import annotations

import gzip
import io
import re

import pytest
from PIL import Image
from starlette.datastructures import Headers

from service.http.compression import accepts_gzip
from service.http.routes.pages import WEB
from service.http.webfiles import TYPES, WebFolder, reply, web_file
from service.runtime.resized import ResizedImages, SizedImage, accepted_format

GZIP = {"accept-encoding": "gzip"}
PLAIN = {"accept-encoding": "identity"}
IMAGE = "/v1/items/red-shoe/image"


def raw(http, path, **headers):
    """The reply as it was sent: httpx would decompress it."""
    request = http.client.build_request("GET", path, headers=headers)

    async def send():
        response = await http.client.send(request, stream=True)
        return response, b"".join([chunk async for chunk in response.aiter_raw()])

    return http.run(send())


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/web/app.js", "/v1/items?limit=9"]
)
def test_text_is_compressed_for_who_accepts_it_and_the_same_for_others(http, path):
    small, body = raw(http, path, **GZIP)
    plain, whole = raw(http, path, **PLAIN)
    assert gzip.decompress(body) == whole
    assert len(body) < 0.6 * len(whole)
    assert small.headers["content-length"] == str(len(body))
    assert "content-encoding" not in plain.headers
    for response in (small, plain):
        assert "Accept-Encoding" in response.headers["vary"]


@pytest.mark.parametrize("path", [IMAGE, f"{IMAGE}?size=80", "/livez", "/web/vendor/none"])
def test_pictures_and_short_replies_are_sent_as_they_are(http, path):
    response, body = raw(http, path, **GZIP)
    assert "content-encoding" not in response.headers
    assert response.headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.00", False),
     ("", False), ("br", False), ("*", False), ("gzipped", False)],
)  # fmt: skip
def test_gzip_is_used_where_it_is_named(header, accepted):
    assert accepts_gzip(header) == accepted


@pytest.mark.parametrize("headers", [GZIP, PLAIN])
def test_a_second_visit_loads_no_file_of_the_page(http, headers):
    home = http.get("/", headers=headers)
    files = re.findall(r'(?:href|src)="(web[^"]+)"', home.text)
    assert len(files) >= 5
    for file in files:
        first = http.get(f"/{file}", headers=headers)
        assert first.status_code == 200
        assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = http.get("/", headers={**headers, "if-none-match": home.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert home.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


def test_a_file_under_another_version_is_revalidated(http):
    for folder in ("web", "web-0123456789abcdef"):
        first = http.get(f"/{folder}/app.js")
        assert first.headers["cache-control"] == "no-cache"
        again = http.get(f"/{folder}/app.js", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
    for path in ("/web-1/none.js", "/web-1/../x", "/web-1/%2e%2e/%2e%2e/settings.py", "/web-1/"):
        assert http.get(path).status_code == 404


def test_the_version_follows_the_content_and_not_the_time(tmp_path):
    (tmp_path / "a.js").write_text("one")
    folder = WebFolder(tmp_path)
    first = folder.version()
    (tmp_path / "a.js").touch()
    assert folder.version() == first
    (tmp_path / "a.js").write_text("two!")
    assert folder.version() != first
    page = tmp_path / "index.html"
    page.write_text('<script src="web/a.js"></script> "web/b"')
    address = f'<script src="web-{folder.version()}/a.js"></script> "web/b"'
    assert folder.page(page).plain == address.encode()


def test_the_two_encodings_of_a_file_have_two_strong_etags():
    file = web_file(b"x" * 2000, "text/plain; charset=utf-8")
    tags = {reply(file, Headers(headers), "no-cache").headers["etag"] for headers in (GZIP, PLAIN)}
    assert len(tags) == 2
    assert all(tag.startswith('"') for tag in tags)


def test_all_files_of_the_page_have_a_media_type():
    assert {path.suffix for path in WEB.rglob("*") if path.is_file()} <= set(TYPES)


# Pictures of items


def test_an_image_is_sent_smaller_and_in_the_format_that_the_browser_reads(http):
    def size_of(data):
        return Image.open(io.BytesIO(data)).size

    jpeg = http.get(f"{IMAGE}?size=80")
    webp = http.get(f"{IMAGE}?size=80", headers={"accept": "image/avif,image/webp,*/*;q=0.8"})
    assert jpeg.headers["content-type"] == "image/jpeg"
    assert webp.headers["content-type"] == "image/webp"
    assert size_of(jpeg.content) == size_of(webp.content) == (80, 80)
    assert size_of(http.get(f"{IMAGE}?size=400").content) == (96, 96)  # never larger
    assert jpeg.headers["etag"] != webp.headers["etag"]
    assert jpeg.headers["vary"] == webp.headers["vary"] == "Accept"
    assert webp.headers["cache-control"].startswith("public, max-age=")
    avif = http.get(f"{IMAGE}?size=80", headers={"accept": "image/avif"})
    assert (avif.headers["content-type"], size_of(avif.content)) == ("image/avif", (80, 80))
    known = {"accept": "image/webp", "if-none-match": webp.headers["etag"]}
    again = http.get(f"{IMAGE}?size=80", headers=known)
    assert (again.status_code, again.content, again.headers["vary"]) == (304, b"", "Accept")
    assert b"Exif" not in webp.content


@pytest.mark.parametrize("size", ["81", "0", "-80", "80.5", "x", "100000"])
def test_other_sizes_are_refused(http, size):
    refused = http.get(f"{IMAGE}?size={size}")
    assert (refused.status_code, refused.json()["param"]) == (422, "size")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("image/webp", "webp"), ("image/*;q=0.8, IMAGE/WEBP;q=0.9", "webp"), ("", "jpeg"),
     ("image/webp;q=0", "jpeg"), ("*/*", "jpeg"), ("image/avif", "avif"),
     ("image/avif,image/webp", "webp")],
)  # fmt: skip
def test_webp_and_avif_are_sent_where_they_are_named(accept, kind):
    assert accepted_format(accept) == kind


def test_the_cache_of_smaller_images_is_bounded_and_drops_the_oldest(photo):
    pictures = [photo(color) for color in ("red", "green", "blue")]
    wanted = SizedImage(80, "jpeg")
    one = len(ResizedImages(1).resized(pictures[0], wanted))
    cache = ResizedImages(2.5 * one / 1e6)
    made = [cache.resized(picture, wanted) for picture in pictures]
    assert cache.kept_bytes <= 2.5 * one
    assert cache.resized(pictures[2], wanted) is made[2]
    assert cache.kept(wanted.etag(pictures[2])) is made[2]
    assert cache.kept(wanted.etag(pictures[0])) is None
    assert cache.resized(pictures[0], wanted) is not made[0]
    none = ResizedImages(0)
    assert none.resized(pictures[0], wanted) == made[0]
    assert none.kept_bytes == 0

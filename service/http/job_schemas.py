"""The models of requests that start jobs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from indexer.catalog.formatnames import FORMATS
from service.http.request_model import RequestModel, without_null

SNAPSHOT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
StyleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
Generation = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")]
Encoder = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_:@+./-]*$", max_length=200),
    Field(
        description="An encoder by its id. Those whose id is a path of a file are refused.",
        examples=["builtin", "openclip:ViT-B-32/laion2b_s34b_b79k"],
    ),
]


class _JobBody(RequestModel):
    model_config = ConfigDict(json_schema_extra=without_null)


class BuildOptions(_JobBody):
    """How to read a catalog, and what the build may change."""

    format: str = Field(
        "auto",
        description="The shop program or kind of file that the catalog comes from.",
        json_schema_extra={"enum": list(FORMATS)},
    )
    columns: dict[Column, Column | list[Column]] = Field(
        {},
        max_length=100,
        description="The columns to read fields from, by field.",
        examples=[{"title": "name", "images": ["picture1", "picture2"]}],
    )
    encoding: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$",
        description="The encoding of a CSV.",
    )
    language: str | None = Field(
        None,
        pattern=r"^[A-Za-z]{2,8}([_-][A-Za-z0-9]{2,8})*$",
        description="The language of the texts, if the catalog has several.",
        examples=["de"],
    )
    styles: list[StyleName] | None = Field(
        None,
        max_length=50,
        description="Styles to index every image in too; [] is none. By default, as before.",
    )
    fetch: bool = Field(
        False,
        description="Whether to fetch images that are URLs, from the hosts of VITRINE_FETCH_HOSTS.",
    )
    leave_out_placeholders: bool = Field(
        False, description="Whether to leave out pictures that probably show no product."
    )
    accept: bool = Field(
        False,
        description="Whether to accept a catalog that differs a lot from that of the last build, "
        "such as one that lacks more than a tenth of the items.",
    )
    dry_run: bool = Field(
        False, description="Whether to report only what would change, and change nothing."
    )


class BuildBody(BuildOptions):
    """A build of a catalog in the folder of VITRINE_CATALOGS."""

    catalog: str = Field(
        min_length=1,
        max_length=500,
        description="A file, or a folder of images, that `GET /v1/catalogs` lists.",
        examples=["catalog.csv"],
    )


class BuildForm(_JobBody):
    """A build of an uploaded catalog. Its images are URLs, or images that the shop already has."""

    file: str = Field(
        description="The catalog.",
        json_schema_extra={"format": "binary", "contentMediaType": "application/octet-stream"},
    )
    ending: Literal["csv", "tsv", "jsonl", "json", "parquet", "xlsx", "xml"] = Field(
        description="The kind of the file.", examples=["csv"]
    )
    options: str | None = Field(
        None,
        description="The fields of `BuildOptions` as JSON.",
        examples=['{"dry_run": true}'],
    )


class SnapshotBody(_JobBody):
    """A snapshot of the shop."""

    name: str | None = Field(
        None,
        pattern=f"^{SNAPSHOT_NAME.pattern}$",
        description="The name of its file; by default the time.",
        examples=["before-the-sale"],
    )


class MigrationBody(_JobBody):
    """A migration to another encoder."""

    encoder: Encoder
    share: float = Field(
        1.0, ge=0.01, le=1, description="Share of the time to work; it pauses for the rest."
    )


class StylesBody(_JobBody):
    """Styles to index the images of a shop in, or to remove from its index."""

    styles: list[StyleName] = Field([], max_length=50, examples=[["noir", "watercolor"]])


class ComparisonBody(_JobBody):
    """The generations to compare."""

    first: Generation | None = Field(None, description="By default the serving one.")
    second: Generation | None = Field(None, description="By default the newest candidate.")


def options_of(body: RequestModel, without: str = "") -> dict[str, Any]:
    """Return the given fields of a request, except the one called ``without``."""
    given: dict[str, Any] = body.model_dump(exclude_unset=True, exclude={without})
    return given

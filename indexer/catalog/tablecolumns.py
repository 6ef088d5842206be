"""Find the columns of a table that give a field, whatever language or program named them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final

from indexer.catalog.columnnames import KNOWN, NAMES, known_key, loose_key
from indexer.catalog.currencies import CODES, SYMBOLS
from indexer.catalog.optioncolumns import option_columns, option_name, paired_columns
from indexer.catalog.texts import LANGUAGES

_IN_LANGUAGE: Final = re.compile(
    r"(?P<name>.+?)[-_ .:(\[]+(?P<language>[A-Za-z]{2}(?:[-_][A-Za-z]{2})?)[)\]]?"
    r"(?:[-_ .][a-z]+)?"
)
_OF_COUNTRY: Final = re.compile(r"(?P<language>[A-Z]{2})_(?P<name>.+)")
_PRICED: Final = re.compile(r"(?: in)? ?(?:[a-z]{3}|[€£₹¥₽$])$")  # the currency of a column
VARIANT_IDS: Final = ("variant sku", "variation sku", "variant id", "variation id")
"""Columns of the ids of variants in a table whose ``id`` may be that of products."""
LISTED: Final = re.compile(r"^(?:\*?C:|\*)(?=.)")
"""What is before the names of columns in a listing file of eBay."""
_WITH_MEDIA: Final = frozenset({"cover media url", "field type"})  # of Shopware and Wix
_OF_A_VARIANT: Final = frozenset(
    {
        *("option image", "image per variation", "variation image url", "sku image"),
        *("variant image", "variation image", "variant image url", "variant assets"),
    }
)  # columns of the picture of a variant, which is its first one
_COVERS: Final = frozenset({"cover media url", "cover image", "cover image url"})
_BY_LANGUAGE: Final = frozenset({"title", "description", "categories", "url", "price"})
"""Fields whose column may be named in a language, or with a currency, before it is guessed."""
_LEVEL: Final = re.compile(
    r"(?:p cat|(?:product )?(?:kategorie|category|categorie|categoria)s? "
    r"(?:ebene|level|lvl|niveau|nivel)|categoryid) ?(\d)"
)
_ONE_PATH: Final = frozenset({"category path", "categorypath", "breadcrumb", "breadcrumbs"})
_FOLDERS: Final = re.compile(
    r"(?:images?|photos?|pictures?|pics?|img|media) ?(?:folder|directory|dir|subfolder)(?: name)?"
    r"|(?:bild|bilder|foto)(?:ordner|verzeichnis)"
    r"|(?:dossier|carpeta|cartella|pasta) (?:d[ei]s? |das )?"
    r"(?:photos?|images?|fotos?|imagenes|immagini|imagens)"
)  # columns of the folders that the pictures of a row are in, by ``loose_key``
_SALE_DAY: Final = re.compile(
    r"(?:sale|special|discount|promo|promotion|offer)(?: price)? (?:date )?"
    r"(?P<day>start|from|begin|end|to|until)s?(?: date| at| day)?"
)
_NUMBERED: Final = frozenset({"product", "item", "category", "product category", "collection"})
"""What has a number in columns such as ``product_id``."""
_WITH_TAX: Final = re.compile(r"inc|gross|brutto|ttc|inkl|ivato", re.IGNORECASE)


class TableColumns:
    """The columns of one table. ``by_key`` has them by ``known_key``, the better of two alike."""

    def __init__(
        self, names: Sequence[str], guesses: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """``guesses`` are columns by field or role, where no name is known (``columnguesses``)."""
        self.names = tuple(names)
        self._guesses = {
            role: [name for name in listed if name in names]
            for role, listed in (guesses or {}).items()
        }
        self.by_key: dict[str, str] = {}
        self.fields: dict[str, list[str]] = {}
        """The columns of each field that have been found so far."""
        self.is_listing = any(LISTED.match(str(name)) for name in names)
        self.is_prefixed = any(option_name(name) != name for name in self.names)
        """Whether there are columns such as ``variant:Color``."""
        self._roles: dict[str, list[str]] = {}
        for name in sorted(names, key=lambda name: known_key(name) != loose_key(name)):
            key = known_key(name)
            if key and (key not in self.by_key or _is_better(name, self.by_key[key])):
                self.by_key[key] = name

        self.cost = self.by_key.pop("standard price", "") if "default code" in self.by_key else ""
        """The column ``standard_price`` of Odoo, which is what the shop pays, or ""."""
        if self.by_key.keys() >= {"content", "excerpt"}:  # of WordPress
            self.by_key.setdefault("description", self.by_key["content"])
        for key in [key for key in self.by_key if key.endswith(" 1") and key[:-2] in KNOWN]:
            self.by_key.setdefault(key[:-2], self.by_key[key])  # that of the first language
        levels = ((_LEVEL.fullmatch(loose_key(name)), name) for name in names)
        self.levels = [
            name for _, name in sorted((match[1], name) for match, name in levels if match)
        ]
        """Columns such as ``Category Level 1``, the highest first."""
        self.is_path = not self.by_key.keys().isdisjoint(_ONE_PATH)
        """Whether a list in the column of categories is one path."""
        folders = (name for name in self.names if _FOLDERS.fullmatch(loose_key(name)))
        self.folder = next(folders, "")
        """The column of the folder that the pictures of a row are in, or ""."""
        self.options = option_columns(self.names)
        self.paired = paired_columns(self.names)

    def ids(self) -> list[str]:
        """Return the columns whose cells may be ids, the most telling first."""
        keys = ("id", *VARIANT_IDS, *NAMES["id"])
        named = [self.by_key[key] for key in keys if key in self.by_key]
        if "item" in self.by_key and "title" in self.by_key:  # of Emarsys
            named.append(self.by_key["item"])
        return list(dict.fromkeys([*named, *self.guessed("id")]))

    def first(self, role: str, without: Collection[str] = ()) -> str | None:
        """Return the most telling column with a role of ``NAMES``, or None."""
        found = self._roles.get(role)
        if found is None:
            found = [self.by_key[key] for key in NAMES.get(role, ()) if key in self.by_key]
            found = found or ([] if role in _BY_LANGUAGE else self.guessed(role))
            self._roles[role] = found
        return next((name for name in found if name not in without), None)

    def guessed(self, role: str) -> list[str]:
        """Return the columns that are guessed to give a field or have a role."""
        return self._guesses.get(role, [])

    def sale_days(self) -> tuple[str, str]:
        """Return the columns of the first and last day of a sale; "" for one that is not there."""
        return sale_days(self.names)

    def subcategories(self) -> list[str]:
        """Return the columns of the levels below a category, in its language, the highest first."""
        category = next(iter(self.fields.get("categories", ())), "")
        match = _OF_COUNTRY.fullmatch(category)
        start = f"{match['language'].casefold()} " if match else ""
        return [
            found
            for key in NAMES["subcategory"]
            for end in ("", " 1", " 2", " 3")
            if (found := self.by_key.get(f"{start}{key}{end}")) is not None
        ]

    def priced(self) -> str | None:
        """Return a column such as ``Price EUR``, or None."""
        for name in self.names:
            key = loose_key(name)
            bare = {_PRICED.sub("", key), key[4:] if key[3:4] == " " else ""}  # or USD Price
            if currency_in(name) and not bare.isdisjoint(NAMES["price"]):
                return name
        return None

    def translated(self, field: str, language: str) -> str | None:
        """Return a column such as ``name-en_US``: that of the language, else the first, or None."""
        listed: list[tuple[bool, int, str]] = []
        for name in self.names:
            match = _OF_COUNTRY.fullmatch(name) or _IN_LANGUAGE.fullmatch(name)
            if match is None:
                continue
            code = match["language"][:2].casefold()
            key = re.sub(r" 1$", "", known_key(match["name"]))
            if re.fullmatch(r".* id", name, re.IGNORECASE) or (code == "id" and key in _NUMBERED):
                continue  # a number of the category or product, not its name in Indonesian
            is_code = code in LANGUAGES or match.re is _OF_COUNTRY
            if is_code and key in NAMES[field]:
                listed.append((code != language, NAMES[field].index(key), name))
        return min(listed)[2] if listed else None

    def numbered(self, name: str) -> list[str]:
        """Return a column and those that differ from it in their number alone, in their order."""
        key = known_key(name)
        bare = re.sub(r"\d+", "#", key)
        if bare == key:
            more = (self.by_key.get(f"{key}{end}") for end in ("2", " 2", "3", " 3"))
            return [name, *filter(None, more)]
        listed = [other for other in self.by_key if re.sub(r"\d+", "#", other) == bare]
        return [self.by_key[other] for other in sorted(listed, key=_numbers_in)]

    def images(self) -> list[str]:
        """Return the columns of pictures: the first ones, then others by their numbers.

        Small pictures are taken only if there are no others.
        """
        listed: list[tuple[int, float, int, str]] = []
        for place, name in enumerate(self.names):
            key = known_key(name)
            bare = re.sub(r" ?\d+(?= |$)", "", key)
            number = re.search(r"\d+", key)
            if key == "media" and self.by_key.keys() & _WITH_MEDIA:
                bare = "more images"
            for rank, role in enumerate(("images", "more images", "small images")):
                if key in NAMES[role] or bare in NAMES[role]:
                    order = float(number[0]) if number else NAMES[role].index(bare)
                    # The picture on the cover is the first one, wherever its column is.
                    order = -1 if key in _COVERS else order
                    listed.append((rank if number is None else max(rank, 1), order, place, name))
                    break
        is_large = any(rank < 2 for rank, _, _, _ in listed) or bool(self.guessed("images"))
        named = [name for rank, _, _, name in sorted(listed) if rank < 2 or not is_large]
        guessed = self.guessed("images")
        main = [name for rank, _, _, name in listed if rank == 0]
        if all(re.search(r"[2-9]", loose_key(name)) for name in main):
            named, guessed = guessed, named  # "Immagine 2" follows a column of another name
        listed_all = dict.fromkeys([*named, *guessed])
        return sorted(listed_all, key=lambda name: not is_of_a_variant(name))


@lru_cache(maxsize=64)  # the rows of a table have the same columns
def sale_days(names: tuple[str, ...]) -> tuple[str, str]:
    """Return the columns of the first and last day of a sale; "" for one that is not there."""
    days = {"start": "", "end": ""}
    for name in names:
        match = _SALE_DAY.fullmatch(loose_key(name))
        if match is not None:
            day = "end" if match["day"] in ("end", "to", "until") else "start"
            days[day] = days[day] or name
    return days["start"], days["end"]


def is_of_a_variant(column: str) -> bool:
    """Return True for a column of pictures of a variant, beside those of its product."""
    return loose_key(column) in _OF_A_VARIANT


def _numbers_in(key: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", key)))


def _is_better(name: str, other: str) -> bool:
    """Return True if a column is the better of two of the same name: a price with tax."""
    return bool(_WITH_TAX.search(name)) and not _WITH_TAX.search(other)


def currency_in(name: str) -> str:
    """Return the currency that the name of a column states, such as ``Price (EUR)``, or ""."""
    words: list[str] = re.findall(
        r"[A-Za-z]{3}|[€£₹¥₽$]|(?<=[\s,(\[])[^\W\d_]+\.?(?=[\s,)\]*]|$)", name
    )
    for word in words:
        if word in SYMBOLS:
            return SYMBOLS[word]
        if word.upper() in CODES and not word.islower():
            return word.upper()
    found = re.search(r"[-_ ]([a-z]{3})$", name)
    code = str(found[1]).upper() if found else ""
    return code if code in CODES else ""

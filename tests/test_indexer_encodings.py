"""The encodings of CSV files: what is read, and what only a person can name."""

from __future__ import annotations

import pytest

from indexer.catalog.encodings import encoding_of
from indexer.items import Remark
from tests.exportfiles import read, shop

__all__ = ["shop"]  # fixtures


@pytest.mark.parametrize(
    "text",
    ["Größe;Überwurf „Linné“;9,90 €", "l’été à la forêt — cœur", "Niño pequeño ¿qué?",
     "Blå skjorta ärmlös", "Rød kjole, blå", "Coração não", "città, perché", "één crème", "5 €"],
)  # fmt: skip
def test_what_a_spreadsheet_of_western_europe_writes_is_read(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(f"id;title\n1;{text}\n".encode("cp1252"))
    assert encoding_of(path) == "cp1252"
    path.write_text(text, encoding="utf-8")
    assert encoding_of(path) == "utf-8-sig"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Židle červená, kotě", "cp1250"), ("Dárek pro děti", "cp1250"),
     ("Főzőedény kékes, tűs", "cp1250"), ("Łóżko żółte", "cp1250"), ("Cană roşie; preţ", "cp1250"),
     ("Примерная Шапка", "cp1251"), ("Чашка синя, м’яка", "cp1251"), ("Φλιτζάνι", "cp1253"),
     ("Kırmızı şapka", "cp1254"), ("ספל כחול, מחיר טוב", "cp1255"), ("كوب أزرق; السعر", "cp1256"),
     ("แก้วสีฟ้า ราคาดี", "cp874"), ("Mėlynas puodelis šviežias", "cp1257"),
     ("商品名称;价格", "gb18030"), ("藍色馬克杯;價格", "big5"), ("赤いTシャツ", "shift_jis"),
     ("青いマグカップ", "euc_jp"), ("빨간 모자", "cp949")],
)  # fmt: skip
def test_an_encoding_that_the_letters_show_is_read(tmp_path, text, encoding):
    path = tmp_path / "a.csv"
    content = f"id;title\n1;{text}\n"
    path.write_bytes(content.encode(encoding))
    assert path.read_text(encoding=encoding_of(path)) == content


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("כובע", "cp1255"), ("红T恤", "gb18030"), ("杯", "gb18030"),
     ("Größe für Mädchen", "mac_roman"), ("Größe für Mädchen", "cp850")],
)  # fmt: skip
def test_letters_that_are_of_several_encodings_are_not_guessed(tmp_path, text, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(f"id;title\n1;{text}\n".encode(encoding))
    assert encoding_of(path) == "utf-8-sig"  # which cannot read it: the catalog is refused


def test_an_encoding_that_nothing_states_is_reported(shop):
    text = (
        "Artikel-Nr.;Bezeichnung;Farbe;Preis;Bestand;Bild\r\n"
        "1001;Mütze;Grün;1.299,00 €;3;p/0.jpg\r\n"
    )
    (hat,), (note,) = read(shop, "a.csv", text.encode("cp1252"))
    assert (hat.title, hat.price, hat.attributes["Farbe"]) == ("Mütze", 1299.0, "Grün")
    assert isinstance(note, Remark)
    assert (note.where, note.field) == ("file", "encoding")
    assert note.reason.startswith("read as cp1252")
    assert read(shop, "b.csv", text.encode("cp1252"), encoding="cp1252")[1] == []

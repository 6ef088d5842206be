"""The identity of an encoder, which manifests and the keys of the store are made of."""

from __future__ import annotations

from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder


def test_the_key_of_a_model_is_what_every_store_so_far_was_written_with():
    assert Model("color", "0" * 64).key.hex() == "985cb64359061b6e"
    assert Model("builtin", "f" * 64).key.hex() == "2611e02d8cbc98ba"


def test_a_model_is_of_an_id_and_of_weights():
    color = Model.of(ColorEncoder())
    assert color == Model("color", "0" * 64)
    keys = {color.key, Model("color", "1" * 64).key, Model("colors", "0" * 64).key}
    assert len(keys) == 3


def test_in_a_message_a_model_is_its_id_and_the_first_letters_of_its_hash():
    assert str(Model("builtin", "0123456789abcdef")) == "builtin (01234567)"

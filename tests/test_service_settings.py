"""Settings: from the environment or handed in, each with its limits."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.boundedsettings import BadSetting
from service.extras import check_extras
from service.processsettings import process_settings
from service.settings import Settings, settings_for


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith("VITRINE_"):
            monkeypatch.delenv(name)


def test_each_setting_says_what_it_is():
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith(".")


def test_the_service_listens_to_this_machine_alone_unless_told_otherwise():
    assert Settings().host == "127.0.0.1"


def test_the_environment_is_read_with_its_prefix(monkeypatch):
    monkeypatch.setenv("VITRINE_PORT", "9000")
    monkeypatch.setenv("VITRINE_SHOP", "/srv/shop")
    monkeypatch.setenv("VITRINE_REQUEST_LOG", "no")
    monkeypatch.setenv("PORT", "1")
    settings = Settings()
    assert settings.port == 9000
    assert str(settings.shop) == "/srv/shop"
    assert settings.request_log is False


def test_what_is_handed_in_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("VITRINE_PORT", "9000")
    assert Settings(port=9001).port == 9001


@pytest.mark.parametrize("name", ["VITRINE_VECTORS_CA", "VITRINE_PRIMARY_CA"])
@pytest.mark.parametrize("value", ["", "/none.pem"])
def test_certificates_that_are_no_file_are_refused_by_the_name_of_the_setting(
    monkeypatch, name, value
):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=f"{name} is invalid: Path does not point to a file"):
        process_settings()


@pytest.mark.parametrize(
    "wrong",
    [{"port": 70000}, {"max_upload_mb": 0}, {"max_limit": 0}, {"max_limit": 1001}, {"threads": 0}],
)
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("BODY_TIMEOUT_S", "inf", "at most 1,000,000,000 is allowed"),
        ("QUEUE_DEADLINE_S", "nan", "greater than 0"),
        ("BATCH_SIZE", "9" * 30, "at most 1,000,000,000"),
        ("THREADS", "1025", "less than or equal to 1024"),
        ("SHOP_NAME", "Mugs\x1b[31m", "control characters"),
        ("WRITE_KEY", "0123456789abcdef\n", "control characters"),
        ("HOST", "\udcff", "not UTF-8"),
        ("SHOP_LOGO", "x" * 5000, "expected a file"),
    ],
)
def test_a_value_that_nothing_can_use_is_refused_in_one_line(monkeypatch, name, value, reason):
    monkeypatch.setenv(f"VITRINE_{name}", value)
    with pytest.raises(BadSetting) as refused:
        settings_for(Path("shop"))
    message = str(refused.value)
    assert reason in message
    assert f"VITRINE_{name}" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mcp": True}, r"VITRINE_MCP needs the package mcp: pip install 'vitrine\[mcp\]'"),
        ({"traces": "http://localhost:4318/v1/traces"}, r"VITRINE_TRACES .*'vitrine\[otel\]'"),
    ],
)
def test_a_setting_whose_extra_is_not_installed_names_it(monkeypatch, given, message):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("service.extras.distribution", missing)
    with pytest.raises(BadSetting, match=message):
        check_extras(Settings(**given))
    check_extras(Settings())

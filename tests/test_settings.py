"""Settings come from the environment; a bad value is named, never repeated."""

import pytest

from florence_ui.backends.backend import available_backends
from florence_ui.errors import SettingsError
from florence_ui.settings import Settings

KEY = "rf_SecretSecretSecret"


def test_nothing_set_gives_the_defaults() -> None:
    settings = Settings.from_environ({})
    assert settings == Settings()
    assert (settings.default_backend, settings.local_url) == ("local", "")
    assert available_backends(settings)["local"].url == "http://localhost:9001"
    assert (settings.remote_timeout, settings.local_timeout) == (120, 600)
    assert settings.max_upload_bytes == 20 * 2**20
    assert settings.max_pixels == 50_000_000


@pytest.mark.parametrize(
    ("environ", "records"),
    [
        pytest.param({}, False, id="on-ones-own-machine"),
        pytest.param({"SPACE_ID": "someone/florence"}, True, id="on-a-space"),
        pytest.param({"SPACE_ID": "someone/florence", "FLORENCE_UI_RECORD": "false"}, False, id="turned-off-there"),
        pytest.param({"FLORENCE_UI_RECORD": "true"}, True, id="turned-on"),
    ],
)
def test_a_space_records_by_itself(environ: dict[str, str], records: bool) -> None:
    assert Settings.from_environ(environ).record is records


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_environ({"API_KEY": " ", "FLORENCE_UI_QUEUE": ""}) == Settings()


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        pytest.param({"API_KEY": KEY}, KEY, id="API_KEY"),
        pytest.param({"ROBOFLOW_API_KEY": KEY}, KEY, id="ROBOFLOW_API_KEY"),
        pytest.param({"API_KEY": KEY, "ROBOFLOW_API_KEY": "other"}, KEY, id="both"),
        pytest.param({"API_KEY": "", "ROBOFLOW_API_KEY": KEY}, KEY, id="first-empty"),
        pytest.param({"API_KEY": f" {KEY}\n"}, KEY, id="pasted-with-blanks"),
    ],
)
def test_the_key_is_read_and_hidden(environ: dict[str, str], key: str) -> None:
    settings = Settings.from_environ(environ)
    assert str(settings.api_key) == key
    assert settings.default_backend == "serverless"
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        pytest.param({"SPACE_ID": "ann/demo"}, "x-forwarded-for", id="on-a-space"),
        pytest.param({"SPACE_ID": "ann/demo", "FLORENCE_UI_ADDRESS_HEADER": "X-Real-IP"}, "x-real-ip", id="chosen"),
        pytest.param({}, "", id="elsewhere"),
    ],
)
def test_on_a_space_the_proxys_header_names_the_visitor(environ: dict[str, str], header: str) -> None:
    assert Settings.from_environ(environ).address_header == header


@pytest.mark.parametrize(
    ("environ", "sign_in"), [({"SPACE_ID": "ann/demo"}, True), ({}, False)], ids=["space", "elsewhere"]
)
def test_visitors_sign_in_on_a_space_only(environ: dict[str, str], sign_in: bool) -> None:
    assert Settings.from_environ({"OAUTH_CLIENT_ID": "abc", **environ}).sign_in is sign_in


def test_passwords_are_read_and_hidden() -> None:
    settings = Settings.from_environ({"FLORENCE_UI_AUTH": "ann:correct:horse battery, ben:staple staple"})
    pairs = [(name, str(password)) for name, password in settings.auth]
    assert pairs == [("ann", "correct:horse battery"), ("ben", "staple staple")]
    assert "horse" not in repr(settings)


def test_the_operators_choice_comes_before_the_key() -> None:
    assert Settings.from_environ({"API_KEY": KEY, "FLORENCE_UI_BACKEND": "Local"}).default_backend == "local"


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("FLORENCE_UI_LOCAL_URL", "http://localhost:9001/", "local_url", "http://localhost:9001"),
        ("FLORENCE_UI_DEDICATED_URL", "https://a.roboflow.cloud//", "dedicated_url", "https://a.roboflow.cloud"),
        ("FLORENCE_UI_MODEL", "project/3", "model", "project/3"),
        ("FLORENCE_UI_MAX_UPLOAD_MB", "2.5", "max_upload_mb", 2.5),
        ("FLORENCE_UI_LOCAL_TIMEOUT", "0.5", "local_timeout", 0.5),
        ("FLORENCE_UI_START_SERVER", "No", "start_server", False),
        ("FLORENCE_UI_MODEL", "Florence-2-large", "model", "florence-2-large"),
        ("FLORENCE_UI_MODELS", "A/1, Florence-2-base,", "models", ("A/1", "florence-2-base")),
        ("FLORENCE_UI_ADDRESS_HEADER", "X-Forwarded-For", "address_header", "x-forwarded-for"),
        (
            "FLORENCE_UI_ALLOWED_ORIGINS",
            "https://Example.com:443/, http://a.example:80,http://[::1]:7860,",
            "allowed_origins",
            ("https://example.com", "http://a.example", "http://[::1]:7860"),
        ),
        ("FLORENCE_UI_CACHE_MB", "0", "cache_mb", 0),
        ("FLORENCE_UI_FRAME_ANCESTORS", "None", "frame_ancestors", ()),
        (
            "FLORENCE_UI_FRAME_ANCESTORS",
            "https://*.Example.com:443, http://a.example",
            "frame_ancestors",
            ("https://*.example.com", "http://a.example"),
        ),
    ],
    ids=lambda v: str(v)[:30],
)
def test_values_are_read(name: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.from_environ({name: text}), field) == value


BAD = [
    ("FLORENCE_UI_AUTH", "sekret-without-colon"),
    ("FLORENCE_UI_AUTH", "ann:sekret"),
    ("FLORENCE_UI_AUTH", ":sekret sekret"),
    ("FLORENCE_UI_FRAME_ANCESTORS", "https://*.*.sekret"),
    ("FLORENCE_UI_FRAME_ANCESTORS", "*"),
    ("FLORENCE_UI_FRAME_ANCESTORS", "https://a.example; script-src sekret"),
    ("API_KEY", "two words"),
    ("ROBOFLOW_API_KEY", "clé"),
    ("API_KEY", "k" * 500),
    ("FLORENCE_UI_BACKEND", "cloud-sekret"),
    ("FLORENCE_UI_LOCAL_URL", "localhost:9001"),
    ("FLORENCE_UI_LOCAL_URL", "file:///etc/passwd"),
    ("FLORENCE_UI_LOCAL_URL", "http://user:sekret@localhost:9001"),
    ("FLORENCE_UI_LOCAL_URL", "http://localhost:port-sekret"),
    ("FLORENCE_UI_LOCAL_URL", "http://localhost:0"),
    ("FLORENCE_UI_LOCAL_URL", "http://[sekret"),
    ("FLORENCE_UI_DEDICATED_URL", "https://a.roboflow.cloud?api_key=sekret"),
    ("FLORENCE_UI_MODEL", "two words"),
    ("FLORENCE_UI_MAX_UPLOAD_MB", "sekret"),
    ("FLORENCE_UI_MAX_UPLOAD_MB", "-1"),
    ("FLORENCE_UI_MAX_MEGAPIXELS", "nan"),
    ("FLORENCE_UI_REMOTE_TIMEOUT", "inf"),
    ("FLORENCE_UI_LOCAL_TIMEOUT", "0"),
    ("FLORENCE_UI_START_SERVER", "perhaps"),
    ("FLORENCE_UI_RUNS_PER_MINUTE", "1.5"),
    ("FLORENCE_UI_QUEUE", "0"),
    ("FLORENCE_UI_BACKEND_CONCURRENCY", "9" * 5000),
    ("FLORENCE_UI_ADDRESS_HEADER", "X Forwarded\r\nFor"),
    ("FLORENCE_UI_ALLOWED_ORIGINS", "*"),
    ("FLORENCE_UI_ALLOWED_ORIGINS", "https://a.example, null"),
    ("FLORENCE_UI_ALLOWED_ORIGINS", "https://a.example/sekret"),
    ("FLORENCE_UI_ALLOWED_ORIGINS", "https://*.a.example"),
    ("FLORENCE_UI_ALLOWED_ORIGINS", "https://user:sekret@a.example"),
    ("FLORENCE_UI_ALLOWED_ORIGINS", "ftp://a.example"),
]


@pytest.mark.parametrize(("name", "text"), BAD, ids=lambda v: str(v)[:40])
def test_a_bad_value_names_the_variable_and_what_it_takes(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({name: text})
    said = str(caught.value)
    assert name in said
    assert "It takes" in said
    assert "sekret" not in said
    assert text not in said.replace(caught.value.hint, "") or len(text) == 1
    assert caught.value.__cause__ is None


def test_dedicated_needs_its_address() -> None:
    with pytest.raises(SettingsError, match="FLORENCE_UI_DEDICATED_URL"):
        Settings.from_environ({"FLORENCE_UI_BACKEND": "dedicated"})


def test_every_variable_is_told_of() -> None:
    rows = Settings.variables()
    names = [name for row in rows for name in row.names]
    assert len(names) == len(set(names))
    for row in rows:
        assert row.help.endswith(".")
        assert row.reader.expected
        assert row.default


@pytest.mark.parametrize(
    ("environ", "models"),
    [
        pytest.param({}, ("florence-2-base", "florence-2-large"), id="usual"),
        pytest.param(
            {"FLORENCE_UI_MODEL": "my/1"}, ("florence-2-base", "florence-2-large", "my/1"), id="operators-own"
        ),
        pytest.param(
            {"FLORENCE_UI_MODEL": "florence-2-large"}, ("florence-2-base", "florence-2-large"), id="once-only"
        ),
        pytest.param({"FLORENCE_UI_MODELS": "a/1", "FLORENCE_UI_MODEL": "my/1"}, ("a/1", "my/1"), id="both-chosen"),
        pytest.param({"FLORENCE_UI_MODELS": ",", "FLORENCE_UI_MODEL": "my/1"}, (), id="empty-is-all"),
    ],
)
def test_the_operators_own_model_is_among_those_for_its_key(environ: dict[str, str], models: tuple[str, ...]) -> None:
    assert Settings.from_environ(environ).shared_key_models == models


@pytest.mark.parametrize(
    ("name", "edge", "beyond"),
    [
        pytest.param("FLORENCE_UI_MAX_UPLOAD_MB", "0.1", "0.09", id="number-least"),
        pytest.param("FLORENCE_UI_MAX_UPLOAD_MB", "1000", "1000.1", id="number-most"),
        pytest.param("FLORENCE_UI_QUEUE", "1", "0", id="integer-least"),
        pytest.param("FLORENCE_UI_QUEUE", "100000", "100001", id="integer-most"),
        pytest.param("FLORENCE_UI_LOCAL_TIMEOUT", "604800", "604801", id="seconds-most"),
        pytest.param("FLORENCE_UI_MODEL", "m" * 200, "m" * 201, id="model"),
        pytest.param("API_KEY", "k" * 200, "k" * 201, id="key"),
    ],
)
def test_limits_are_exact(name: str, edge: str, beyond: str) -> None:
    Settings.from_environ({name: edge})
    with pytest.raises(SettingsError, match=name):
        Settings.from_environ({name: beyond})

"""A visitor who signed in counts by account, wherever they are; nobody can claim another's."""

import time
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from florence_ui.settings import Settings
from florence_ui.visitors.service import visitor_of

SIGN_IN = Settings(sign_in=True)


def request_with(session: object, address: str = "192.0.2.7") -> gr.Request:
    """A request as Gradio hands it over, with the session that its middleware read from the signed cookie."""
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"host", b"demo.hf.space")],
        "client": (address, 1), "session": session,
    }  # fmt: skip
    return gr.Request(request=Request(scope), session_hash="abc")


def signed_in(account: object, expires_in: float = 600) -> dict[str, Any]:
    return {"oauth_info": {"userinfo": {"sub": account}, "expires_at": time.time() + expires_in}}


def test_one_account_is_one_visitor_at_every_address() -> None:
    home, phone = (
        visitor_of(request_with(signed_in("42"), address), SIGN_IN) for address in ("192.0.2.7", "192.0.2.8")
    )
    assert home.share_key == phone.share_key
    assert home.share_key != visitor_of(request_with(signed_in("43")), SIGN_IN).share_key


@pytest.mark.parametrize(
    "session",
    [
        pytest.param(None, id="no-session"),
        pytest.param({}, id="not-signed-in"),
        pytest.param(signed_in("42", expires_in=-1), id="expired"),
        pytest.param(signed_in(""), id="no-account"),
        pytest.param(signed_in("a b\n" * 100), id="a-strange-account"),
        pytest.param({"oauth_info": {}}, id="empty"),
        pytest.param("oauth_info", id="no-mapping"),
    ],
)
def test_everybody_else_counts_by_address(session: object) -> None:
    assert visitor_of(request_with(session), SIGN_IN).share_key == "192.0.2.7"


def test_without_sign_in_a_session_is_not_even_read() -> None:
    assert visitor_of(request_with(signed_in("42")), Settings()).share_key == "192.0.2.7"


OWNED = Settings(sign_in=True, space="ann/demo", space_owner="42")


@pytest.mark.parametrize(
    ("session", "settings", "is_owner"),
    [
        pytest.param(signed_in("42"), OWNED, True, id="the-owner"),
        pytest.param(signed_in("43"), OWNED, False, id="somebody-else"),
        pytest.param(signed_in("42", expires_in=-1), OWNED, False, id="the-owner-some-time-ago"),
        pytest.param(None, OWNED, False, id="not-signed-in"),
        pytest.param(signed_in("42"), SIGN_IN, False, id="an-owner-that-nobody-named"),
        pytest.param(None, SIGN_IN, False, id="nobody-named-and-nobody-signed-in"),
        pytest.param(signed_in("42"), Settings(space_owner="42"), False, id="without-sign-in"),
    ],
)
def test_the_owner_of_a_space_is_the_account_that_created_it(
    session: object, settings: Settings, is_owner: bool
) -> None:
    assert visitor_of(request_with(session), settings).is_owner is is_owner


def test_the_owner_of_a_space_has_no_other_share_than_anybody() -> None:
    assert not visitor_of(request_with(signed_in("42")), OWNED).is_local


def request_from_here() -> gr.Request:
    """A request from this machine, by a loopback name, to a page that is served to this machine only."""
    app = SimpleNamespace(get_blocks=lambda: SimpleNamespace(server_name="127.0.0.1"))
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "client": ("127.0.0.1", 1), "app": app,
        "headers": [(b"host", b"localhost:7860")],
    }  # fmt: skip
    return gr.Request(request=Request(scope), session_hash="abc")


def test_whoever_may_have_come_by_a_public_link_is_a_stranger() -> None:
    assert visitor_of(request_from_here(), Settings()).is_owner
    assert not visitor_of(request_from_here(), Settings(share=True)).is_owner


def test_an_account_cannot_be_an_address() -> None:
    account = visitor_of(request_with(signed_in("192")), SIGN_IN).share_key
    assert account.startswith("account ")


def with_picture(address: object) -> dict[str, Any]:
    session = signed_in("42")
    session["oauth_info"]["userinfo"] |= {"preferred_username": "ann", "picture": address}
    return session


@pytest.mark.parametrize(
    "address",
    ["https://huggingface.co/avatars/1f.svg", "https://cdn-avatars.huggingface.co/v1/production/uploads/a.jpeg"],
)
def test_the_picture_of_an_account_is_known(address: str) -> None:
    account = visitor_of(request_with(with_picture(address)), SIGN_IN).account
    assert (account.id, account.name, account.avatar) == ("42", "ann", address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("https://evil.example/a.png", id="elsewhere"),
        pytest.param("https://huggingface.co.evil.example/a.png", id="a-longer-name"),
        pytest.param("https://huggingface.co@evil.example/a.png", id="a-user-of-elsewhere"),
        pytest.param("http://huggingface.co/a.png", id="unencrypted"),
        pytest.param("javascript:alert(1)//https://huggingface.co/a.png", id="script"),
        pytest.param("https://huggingface.co/a.png?visitor=1", id="with-a-query"),
        pytest.param("https://huggingface.co/" + "a" * 1000, id="endless"),
        pytest.param(7, id="a-number"),
        pytest.param(None, id="none"),
    ],
)
def test_a_picture_from_anywhere_else_is_left_out(address: object) -> None:
    assert visitor_of(request_with(with_picture(address)), SIGN_IN).account.avatar == ""

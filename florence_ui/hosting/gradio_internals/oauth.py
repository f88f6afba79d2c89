"""The Hugging Face account with which a visitor signed in, from the signed cookie that Gradio keeps it in."""

import re
from typing import Any

import gradio as gr
from gradio.oauth import _get_valid_oauth_info_from_session as valid_info
from starlette.types import Scope

from florence_ui.visitor_identity import Account

__all__ = ["forget_tokens", "refusal_of", "signed_in_account", "valid_info"]

ACCOUNT_ID = re.compile(r"[\w-]{1,100}")
AVATAR_HOSTS = ("https://huggingface.co", "https://cdn-avatars.huggingface.co")
AVATAR = re.compile(rf"(?:{'|'.join(map(re.escape, AVATAR_HOSTS))})/[\w./%-]{{1,300}}", re.ASCII)
NEEDED = ("sub", "preferred_username", "picture")
"""What is needed of an account: its id, the name that Gradio's button shows, and the address of its picture."""


def signed_in_account(request: gr.Request) -> Account | None:
    """The visitor's account; None if they are not signed in."""
    session = request.request.scope.get("session") if request.request else None
    info = valid_info(session) if isinstance(session, dict) else None
    user: dict[str, Any] = (info or {}).get("userinfo", {})
    account, name, avatar = (str(user.get(field) or "") for field in NEEDED)
    if not ACCOUNT_ID.fullmatch(account):
        return None
    return Account(account, name, avatar if AVATAR.fullmatch(avatar) else "")


def refusal_of(error: Exception) -> str:
    """Authlib's word for why an account was not signed in; empty for any other error."""
    try:  # not at the start of the page, which would take a seventh of a second longer
        from authlib.integrations.base_client.errors import OAuthError
    except ImportError:  # it comes with gradio[oauth], which only a Space has where visitors sign in
        return ""
    return error.error or "refused" if isinstance(error, OAuthError) else ""


def forget_tokens(scope: Scope) -> None:
    """Reduce the account in a request's session to `NEEDED` and the time when it expires."""
    session = scope.get("session", {})
    if info := session.get("oauth_info"):
        account = {name: info.get("userinfo", {}).get(name, "") for name in NEEDED}
        session["oauth_info"] = {"expires_at": info.get("expires_at"), "userinfo": account}

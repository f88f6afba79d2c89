"""The Hugging Face account with which a visitor signed in, from the signed cookie that Gradio keeps it in."""

import re

import gradio as gr
from gradio.oauth import _get_valid_oauth_info_from_session as valid_info

ACCOUNT_ID = re.compile(r"[\w-]{1,100}")


def signed_in_account(request: gr.Request) -> str:
    """The id of the visitor's account; empty if they are not signed in."""
    session = request.request.scope.get("session") if request.request else None
    info = valid_info(session) if isinstance(session, dict) else None
    account = str((info or {}).get("userinfo", {}).get("sub", ""))
    return account if ACCOUNT_ID.fullmatch(account) else ""

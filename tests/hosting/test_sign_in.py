"""Signing in with Hugging Face, against a scripted provider that speaks OpenID Connect."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hosting.running import RunningApp
from joserfc import jwt
from joserfc.jwk import RSAKey

from florence_ui.bench.scripted_backend import ScriptedBackend

pytestmark = [pytest.mark.server, pytest.mark.slow]

CLIENT, SECRET, HOST = "client-id", "client-secret-0123456789", "ann-demo.hf.space"
OWNER, STRANGER = "5f1a", "6a2b"
ACCOUNT = {
    "sub": OWNER, "name": "Ann", "preferred_username": "ann", "profile": "https://huggingface.co/ann",
    "picture": "https://huggingface.co/ann.png",
}  # fmt: skip


class Provider:
    """Hugging Face's part: discovery, keys, and a token for each code; `nonce` is the one that the page asked with."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "1"})
        self.nonce = ""
        self.account = OWNER
        self.refusal = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Provider":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> object:
        """What a path says."""
        if path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return {"issuer": self.url} | {name: f"{self.url}/{path}" for name, path in names.items()}
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if self.refusal:
            return {"error": self.refusal}
        now = int(time.time())
        claims = ACCOUNT | {
            "sub": self.account,
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "nonce": self.nonce,
        }
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return {
            "access_token": "hf_oauth_secret", "refresh_token": "hf_refresh_secret", "token_type": "bearer",
            "expires_in": 600, "id_token": token,
        }  # fmt: skip

    def _handler(provider) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                body = json.dumps(provider.answer(urlsplit(self.path).path)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def space(provider: Provider) -> Iterator[RunningApp]:
    """A Space with `hf_oauth`, where everybody may make two runs a minute."""
    with ScriptedBackend() as backend:
        variables = {
            "SYSTEM": "spaces", "SPACE_ID": "ann/demo", "SPACE_HOST": HOST, "OAUTH_CLIENT_ID": CLIENT,
            "SPACE_CREATOR_USER_ID": OWNER,
            "OAUTH_CLIENT_SECRET": SECRET, "OAUTH_SCOPES": "openid profile", "OPENID_PROVIDER_URL": provider.url,
            "FLORENCE_UI_BACKEND": "local", "FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_RUNS_PER_MINUTE": "2",
            "FLORENCE_UI_CACHE_SECONDS": "0",
        }  # fmt: skip
        with RunningApp(**variables) as running:
            yield running


def cookie_of(response: object) -> str:
    """The session cookie; httpx itself would not send one that is for https only."""
    return response.headers["set-cookie"].partition(";")[0]


def session_of(cookie: str) -> dict[str, object]:
    """What everybody who has a session cookie can read in it: it is signed, not encrypted."""
    return json.loads(base64.b64decode(cookie.removeprefix("session=").partition(".")[0]))


def ask_to_sign_in(space: RunningApp) -> tuple[str, dict[str, str]]:
    """Begin to sign in; returns the cookie, and what the provider is asked."""
    begun = space.client.get("/login/huggingface")
    assert begun.status_code == 302
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    return cookie_of(begun), {name: values[0] for name, values in query.items()}


def sign_in(space: RunningApp, provider: Provider, account: str = OWNER) -> str:
    """Go through the flow as a browser does; returns the cookie."""
    provider.account = account
    cookie, asked = ask_to_sign_in(space)
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"].startswith(f"https://{HOST}/login/callback")
    assert set(asked["scope"].split()) == {"openid", "profile"}
    provider.nonce = asked["nonce"]
    query = urlencode({"code": "abc", "state": asked["state"]})
    ended = space.client.get(f"/login/callback?{query}", headers={"Cookie": cookie})
    assert ended.headers["location"] == "/"
    return cookie_of(ended)


def outcomes(space: RunningApp, picture: bytes, times: int, **headers: str) -> list[bool]:
    """Whether each of several runs was answered."""
    space.client.headers.update(headers)
    try:
        return [space.analyze(picture, task="<CAPTION>").ok for _ in range(times)]
    finally:
        for name in headers:
            del space.client.headers[name]


def test_who_signed_in_counts_by_account_and_not_by_address(
    space: RunningApp, provider: Provider, picture: bytes
) -> None:
    assert outcomes(space, picture, 3, **{"X-Forwarded-For": "192.0.2.1"}) == [True, True, False]
    cookie = sign_in(space, provider)
    assert outcomes(space, picture, 1, **{"X-Forwarded-For": "192.0.2.1", "Cookie": cookie}) == [True]
    assert outcomes(space, picture, 2, **{"X-Forwarded-For": "192.0.2.2", "Cookie": cookie}) == [True, False]


def test_only_the_owner_of_the_space_sees_what_it_has(space: RunningApp, provider: Provider) -> None:
    assert "Only the owner" in space.check_machine({})
    assert "Only the owner" in space.check_machine({"Cookie": sign_in(space, provider, STRANGER)})
    assert "Python 3." in space.check_machine({"Cookie": sign_in(space, provider)})


def test_the_header_shows_the_account_and_its_picture(space: RunningApp, provider: Provider) -> None:
    assert ACCOUNT["picture"] not in space.look_at_header({})
    shown = space.look_at_header({"Cookie": sign_in(space, provider)})
    assert ACCOUNT["picture"] in shown
    assert '"account":"ann"' in shown


def test_a_forged_session_is_nobodys(space: RunningApp, picture: bytes) -> None:
    headers = {"X-Forwarded-For": "192.0.2.9", "Cookie": "session=eyJvYXV0aF9pbmZvIjp7fX0=.x.y"}
    assert outcomes(space, picture, 3, **headers) == [True, True, False]


def test_a_callback_that_was_not_asked_for_signs_nobody_in(space: RunningApp) -> None:
    response = space.client.get("/login/callback?code=abc&state=forged")
    assert response.status_code in (302, 307)
    assert response.headers["location"].startswith("/login/huggingface")


def test_signing_out_never_leads_to_another_site(space: RunningApp) -> None:
    response = space.client.get("/logout?_target_url=https://evil.example/x")
    assert response.headers["location"] == "/"


def test_who_cancels_comes_back_to_the_page(space: RunningApp) -> None:
    before = len(space.log)
    cookie, asked = ask_to_sign_in(space)
    query = urlencode({"error": "access_denied", "error_description": "The user said no", "state": asked["state"]})
    response = space.client.get(f"/login/callback?{query}", headers={"Cookie": cookie})
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "Traceback" not in space.log[before:]


def test_a_refusal_of_the_provider_is_told_to_the_operator(space: RunningApp, provider: Provider) -> None:
    before = len(space.log)
    cookie, asked = ask_to_sign_in(space)
    provider.refusal = "invalid_client"
    try:
        query = urlencode({"code": "abc", "state": asked["state"]})
        response = space.client.get(f"/login/callback?{query}", headers={"Cookie": cookie})
    finally:
        provider.refusal = ""
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "Hugging Face did not sign a visitor in: invalid_client." in space.log[before:]
    assert "Traceback" not in space.log[before:]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("/login/callback", id="callback-of-nothing"),
        pytest.param("/login/callback?error=", id="callback-of-no-error"),
        pytest.param("/login/callback?error=x%0Ay", id="callback-of-two-lines"),
        pytest.param("/login/callback?state=z&_nb_redirects=abc", id="redirects-in-letters"),
        pytest.param(f"/login/callback?state=z&_nb_redirects={'9' * 5000}", id="redirects-beyond-numbers"),
        pytest.param("/login/callback?state=z&_nb_redirects=-1", id="redirects-below-zero"),
        pytest.param("/login/huggingface?_target_url=http://%5B", id="signing-in-to-no-address"),
        pytest.param("/logout?_target_url=http://%5B", id="signing-out-to-no-address"),
        pytest.param("/logout?_target_url=%FF%00", id="signing-out-to-no-text"),
    ],
)
def test_a_malformed_address_is_a_redirect_without_a_traceback(space: RunningApp, address: str) -> None:
    before = len(space.log)
    assert 300 <= space.client.get(address).status_code < 400
    assert "Traceback" not in space.log[before:]


@pytest.mark.parametrize("path", ["/login/huggingface", "/login/callback", "/logout"])
@pytest.mark.parametrize("field", ["_target_url", "_nb_redirects", "error", "error_description", "state", "more"])
def test_nothing_of_an_address_is_logged_or_repeated(space: RunningApp, path: str, field: str) -> None:
    before = len(space.log)
    response = space.client.get(path, params={field: "/hidden-words" * 100})
    assert "hidden-words" not in space.log[before:] + response.headers["location"]


def test_the_cookie_holds_of_the_account_its_id_name_and_picture_only(space: RunningApp, provider: Provider) -> None:
    account = session_of(sign_in(space, provider))["oauth_info"]
    assert account.pop("expires_at") > time.time()
    assert account == {"userinfo": {"sub": OWNER, "preferred_username": "ann", "picture": ACCOUNT["picture"]}}


def test_nothing_of_the_account_is_logged(space: RunningApp, provider: Provider) -> None:
    sign_in(space, provider)
    for secret in (SECRET, "hf_oauth_secret", "preferred_username", ACCOUNT["sub"]):
        assert secret not in space.log

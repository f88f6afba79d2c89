"""The errors for backends that cannot be reached or do not answer in full."""

from florence_ui.backends.backend import Backend
from florence_ui.errors import AnswerError, BackendError, BackendTimeoutError, BackendUnreachableError

PROXY_HINT = "Check HTTPS_PROXY and HTTP_PROXY, or name the server in NO_PROXY, and restart the app."


def no_server(host: str) -> str:
    """The sentence for an address at which nobody listens."""
    return f"No server answers at {host}."


class NotConnectedError(BackendUnreachableError):
    """No connection could be made; safe to retry, because nothing was sent."""


def explain_failure(error: BaseException, backend: Backend) -> BackendError:
    """The error for an exception of the SDK or of aiohttp, or for a timeout.

    The SDK wraps aiohttp's exceptions in its own; the wrapped one counts.
    """
    import aiohttp

    source = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    host, hint = backend.host, backend.unreachable_hint
    match source:
        case aiohttp.ConnectionTimeoutError():
            return BackendUnreachableError(f"The connection to {host} timed out.", hint)
        case TimeoutError():
            return BackendTimeoutError(
                f"No answer from {host} within {backend.timeout:g} seconds; the call was cancelled.",
                "Try again, or choose a smaller model or another backend.",
            )
        case aiohttp.ClientProxyConnectionError():
            return BackendUnreachableError(f"The proxy on the way to {host} does not answer.", PROXY_HINT)
        case aiohttp.ClientHttpProxyError(status=status):
            words = f"The proxy on the way to {host} refused the connection (status {status})."
            return BackendUnreachableError(words, PROXY_HINT)
        case aiohttp.ClientSSLError():
            return BackendUnreachableError(f"The certificate of {host} cannot be trusted.", hint)
        case aiohttp.ClientConnectorError():
            return NotConnectedError(no_server(host), hint)
        case aiohttp.ClientPayloadError():
            return AnswerError(f"The answer from {host} was cut off.", "Try again.")
        case aiohttp.ClientConnectionError() | OSError():
            return BackendUnreachableError(f"{host} closed the connection without an answer.", hint)
        case aiohttp.ClientResponseError():
            return AnswerError(f"The program at {host} is not a model server.", "Another program may use that port.")
        case _:
            return BackendError(
                f"The call to {host} failed ({type(source).__name__}).", "Try again, or choose another backend."
            )

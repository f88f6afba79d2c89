"""What a backend last did: remembered for a while, for a bounded number of calls."""

from florence_ui.backends.outcomes import KEPT_SECONDS, MAX_KNOWN, Outcomes
from florence_ui.errors import BackendUnreachableError

GONE = BackendUnreachableError("No server answers.")


def test_the_last_outcome_counts() -> None:
    outcomes = Outcomes()
    assert not outcomes.has_answered("a")
    assert outcomes.failure("a") is None
    outcomes.note("a", None)
    assert outcomes.has_answered("a")
    assert not outcomes.has_answered("b")
    outcomes.note("a", GONE)
    assert not outcomes.has_answered("a")
    assert outcomes.failure("a") is GONE
    outcomes.note("a", None)
    assert outcomes.failure("a") is None


def test_an_old_outcome_says_nothing() -> None:
    now = 0.0
    outcomes = Outcomes(lambda: now)
    outcomes.note("a", None)
    outcomes.note("b", GONE)
    now = KEPT_SECONDS
    assert not outcomes.has_answered("a")
    assert outcomes.failure("b") is None


def test_made_up_models_and_keys_do_not_fill_the_memory() -> None:
    outcomes = Outcomes()
    for k in range(MAX_KNOWN + 1):
        outcomes.note(k, None)
    assert not outcomes.has_answered(0)
    assert outcomes.has_answered(1)
    assert outcomes.has_answered(MAX_KNOWN)

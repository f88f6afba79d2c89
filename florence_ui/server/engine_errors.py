"""What may go wrong inside an engine; importing it loads no engine."""


class EngineUnavailableError(Exception):
    """No engine can run on this machine; with a sentence for a person."""


class BrokenWeightsError(Exception):
    """The files exist, but are not a complete Florence-2 checkpoint that an engine can run."""


class UnknownModelError(BrokenWeightsError):
    """The files hold something else than a Florence-2 of a known shape; with what it is, for a person."""

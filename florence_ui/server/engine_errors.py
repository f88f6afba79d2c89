"""What may go wrong inside an engine; importing it loads no engine."""


class EngineUnavailableError(Exception):
    """No engine can run on this machine; with a sentence for a person."""


class BrokenWeightsError(Exception):
    """The files exist, but are not a complete Florence-2 checkpoint that an engine can run."""

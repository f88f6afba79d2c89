"""An interactive playground for Microsoft's Florence-2 vision model."""

__version__ = "0.1.0"

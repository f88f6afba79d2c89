"""Bytes of unknown origin -> upright RGB pictures, within limits."""

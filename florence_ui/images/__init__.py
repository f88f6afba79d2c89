"""Bytes of unknown origin to upright RGB pictures, within limits."""

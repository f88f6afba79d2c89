"""A checkpoint's contents: its configuration, and its tensors under the same names in every layout."""

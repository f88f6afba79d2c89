"""The engine of PyTorch and transformers; only this room of the server imports them."""

"""Connections, proxies and origins: how requests come in and go out."""

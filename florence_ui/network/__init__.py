"""Connections, origins and outbound proxies: how requests come in and go out."""

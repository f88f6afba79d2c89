"""The models' names, and what the page and its local server agree on."""

BASE, LARGE, NANO = "florence-2-base", "florence-2-large", "florence-2-nano"
"""The names that Roboflow's server gives to Microsoft's two checkpoints, and that of the tiny one that ships."""

MAX_NEW_TOKENS = 1024
"""Longest answer, in tokens. Always sent: without it Roboflow's server may stop after 20, in mid-sentence."""

SERVER_NAME = "Florence-2 local server"
"""What `GET /info` calls this project's own server; Roboflow's says "Roboflow Inference Server"."""

DEFAULT_PORT = 9001
"""The port of Roboflow's own local server, so that the same clients find this one."""

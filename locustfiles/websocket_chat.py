"""A gateway's own WebSocket chat, described in its target file; each user on a connection of its own.

tokenswarm run websocket                        the usual way
locust -f locustfiles/websocket_chat.py         Locust's web UI
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import SocketUser

install("websocket_chat")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedSocket(SocketUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""

    row = "websocket"


class ShortSocket(SocketUser):
    """Short prompts only, 10 to 50 tokens."""

    row = "websocket"
    sizes = ("short",)
    is_default = False


class MediumSocket(SocketUser):
    """Medium prompts only, 50 to 150 tokens."""

    row = "websocket"
    sizes = ("medium",)
    is_default = False


class LongSocket(SocketUser):
    """Long prompts only, 150 to 500 tokens."""

    row = "websocket"
    sizes = ("long",)
    is_default = False

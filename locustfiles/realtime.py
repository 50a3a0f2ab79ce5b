"""Realtime conversations: OpenAI's Realtime API, text in and text out, each user on a connection of its own.

tokenswarm run realtime                         the usual way
locust -f locustfiles/realtime.py               Locust's web UI
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import SocketUser

install("realtime")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedRealtime(SocketUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""

    row = "realtime"


class ShortRealtime(SocketUser):
    """Short prompts only, 10 to 50 tokens."""

    row = "realtime"
    sizes = ("short",)
    is_default = False


class MediumRealtime(SocketUser):
    """Medium prompts only, 50 to 150 tokens."""

    row = "realtime"
    sizes = ("medium",)
    is_default = False


class LongRealtime(SocketUser):
    """Long prompts only, 150 to 500 tokens."""

    row = "realtime"
    sizes = ("long",)
    is_default = False

"""Anthropic Messages: short, medium and long prompts, streaming and not, in the profile's shares.

tokenswarm run messages                        the usual way
locust -f locustfiles/messages.py              Locust's web UI
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import PromptUser

install("messages")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedMessages(PromptUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""


class ShortMessages(PromptUser):
    """Short prompts only, 10 to 50 tokens."""

    sizes = ("short",)
    is_default = False


class MediumMessages(PromptUser):
    """Medium prompts only, 50 to 150 tokens."""

    sizes = ("medium",)
    is_default = False


class LongMessages(PromptUser):
    """Long prompts only, 150 to 500 tokens."""

    sizes = ("long",)
    is_default = False

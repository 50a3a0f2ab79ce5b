"""Chat completions: short, medium and long prompts, streaming and not, in the profile's shares.

tokenswarm run stress                           the usual way
locust -f locustfiles/chat.py                   Locust's web UI
locust -f locustfiles/chat.py LongChat …        one size class only
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import PromptUser

install("chat")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedChat(PromptUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""


class ShortChat(PromptUser):
    """Short prompts only, 10 to 50 tokens."""

    sizes = ("short",)
    is_default = False


class MediumChat(PromptUser):
    """Medium prompts only, 50 to 150 tokens."""

    sizes = ("medium",)
    is_default = False


class LongChat(PromptUser):
    """Long prompts only, 150 to 500 tokens."""

    sizes = ("long",)
    is_default = False

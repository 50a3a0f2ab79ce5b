"""OpenAI Responses: short, medium and long prompts, streaming and not, in the profile's shares.

tokenswarm run responses                       the usual way
locust -f locustfiles/responses.py             Locust's web UI
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import PromptUser

install("responses")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedResponses(PromptUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""


class ShortResponses(PromptUser):
    """Short prompts only, 10 to 50 tokens."""

    sizes = ("short",)
    is_default = False


class MediumResponses(PromptUser):
    """Medium prompts only, 50 to 150 tokens."""

    sizes = ("medium",)
    is_default = False


class LongResponses(PromptUser):
    """Long prompts only, 150 to 500 tokens."""

    sizes = ("long",)
    is_default = False

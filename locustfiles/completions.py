"""OpenAI completions: short, medium and long prompts, streaming and not, in the profile's shares.

tokenswarm run completions                     the usual way
locust -f locustfiles/completions.py           Locust's web UI
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import PromptUser

install("completions")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedCompletions(PromptUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""


class ShortCompletions(PromptUser):
    """Short prompts only, 10 to 50 tokens."""

    sizes = ("short",)
    is_default = False


class MediumCompletions(PromptUser):
    """Medium prompts only, 50 to 150 tokens."""

    sizes = ("medium",)
    is_default = False


class LongCompletions(PromptUser):
    """Long prompts only, 150 to 500 tokens."""

    sizes = ("long",)
    is_default = False

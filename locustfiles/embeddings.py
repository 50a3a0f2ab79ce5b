"""Embeddings: short, medium and long texts in the profile's shares; they never stream.

tokenswarm run embeddings                      the usual way
locust -f locustfiles/embeddings.py            Locust's web UI
"""

from tokenswarm.swarm.lifecycle import install
from tokenswarm.swarm.shape import ProfileShape
from tokenswarm.swarm.users import PromptUser

install("embeddings")


class ProfileStages(ProfileShape):
    """The stages of --load-profile; without one, Locust's own --users, --spawn-rate and --run-time."""


class MixedEmbeddings(PromptUser):
    """All size classes in the profile's shares: the one that starts when no class is named."""


class ShortEmbeddings(PromptUser):
    """Short texts only, 10 to 50 tokens."""

    sizes = ("short",)
    is_default = False


class MediumEmbeddings(PromptUser):
    """Medium texts only, 50 to 150 tokens."""

    sizes = ("medium",)
    is_default = False


class LongEmbeddings(PromptUser):
    """Long texts only, 150 to 500 tokens."""

    sizes = ("long",)
    is_default = False

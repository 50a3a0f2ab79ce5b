"""tokenswarm: Locust-based load tests for LLM gateways and proxies, with verdicts."""

__version__ = "0.1.0"

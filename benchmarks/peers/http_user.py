"""Locust's HttpUser, as its documentation has it: the same call, again and again."""

from locust import HttpUser, constant, task

QUESTION = "Ticket 93ab41: say hello to the world in one short sentence, please."
BODY = {"model": "mock", "messages": [{"role": "user", "content": QUESTION}]}


class Caller(HttpUser):
    """No pause between calls."""

    wait_time = constant(0)

    @task
    def chat(self) -> None:
        """One call."""
        self.client.post("/v1/chat/completions", json=BODY)

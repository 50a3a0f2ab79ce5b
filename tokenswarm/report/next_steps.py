"""What to check first when calls fail in one way: what that class of failure means, whatever the SLO says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MEND_FIRST: Final = "Mend the load generator first and run again: until then this says little of the target."
MORE_USERS: Final = (
    "Users wait for their answers before they ask again: make calls quicker, or plan more users."
)
# metric that a monitor reads → what its charts tell
MONITORED: Final[Mapping[str, str]] = {
    "target_memory": "See whether it still rises at the end: a run of soak tells whether it leaks.",
    "target_cpu": "See in which stage it is high; --profile-target says on what the time is spent.",
    "target_cores": "A program of one thread stands still at one core: give the target more workers.",
    "redis_evictions": "Redis forgets before it should: give it more memory, or answers a shorter life.",
}
# class of failure → where a person looks next
STEPS: Final[Mapping[str, str]] = {
    "connect": "See whether the target ran and listened at that time; its log, or a restart, will say.",
    "tls": "Check the certificate's name, date and issuer, and which TLS versions the target accepts.",
    "timeout_connect": "Look at the target's limit of connections, its accept queue, and firewalls between.",
    "timeout_first_token": "See whether calls queue for the provider: workers, connection pool, limits.",
    "timeout_idle": "Streams stood still: look for a provider that stalls, or a proxy that holds them back.",
    "timeout_total": "Answers take longer than timeouts.total allows: compare with the provider's own times.",
    "http_4xx": "The target refuses the call itself: compare path, model, key and body with its rules.",
    "rate_limited": "Find whose limit it is, the gateway's or its provider's; raise it, or call less often.",
    "http_5xx": "Read the target's own log of that time: its fault, or its provider's that it passes on?",
    "stream_error": "The error came in mid-answer, after status 200: read the provider's log of that time.",
    "truncated": "Answers end too early: look for a proxy's timeout, a restart, or a provider cut off.",
    "malformed": "See that the target's dialect and path are right, and that no proxy answers in its place.",
    "empty": "Answers have no text: look at content filters, and at reasoning that uses up max_tokens.",
    "cache_mismatch": "A cache gave another question's answer: look at its key, and at its similarity.",
    "dropped": "Connections end between calls: compare the idle timeouts of target and proxies.",
}
# words of what a line is about → why it was not measured, as a rule
UNMEASURED: Final[Mapping[str, str]] = {
    "cache": "Is a cache switched on? The target file's gateway and signals say where answers tell.",
    "overhead": "The provider behind the gateway must stamp its time; paired in a profile does without.",
    "paired_": "The profile needs paired, and the target file the provider behind the gateway.",
    "target_": "The target file needs a monitor for it, and what it reads must answer.",
    "redis_": "The target file needs a monitor with redis, and that Redis must answer.",
}

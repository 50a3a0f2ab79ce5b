"""Bytes ↔ meaning: how LLM endpoints are spoken to. No sockets, no clock, no Locust."""

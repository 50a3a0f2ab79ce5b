"""Sockets: one call over one connection, timed. gevent I/O, no Locust."""

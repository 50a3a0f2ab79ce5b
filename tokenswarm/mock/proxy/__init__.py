"""A gateway that really proxies: caches, failover, limits and a known overhead in front of real upstreams."""

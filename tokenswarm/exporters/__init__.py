"""A run's figures for others while it goes: Prometheus asks for them, InfluxDB is sent them."""

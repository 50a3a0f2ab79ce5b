"""A run folder or Locust's CSVs → verdict and reports. Runs without Locust or gevent."""

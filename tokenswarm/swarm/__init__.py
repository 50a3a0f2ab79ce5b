"""Locust: users, shape, options, merging. The only package that imports locust."""

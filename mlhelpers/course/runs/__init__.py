"""Notebook runs: parameters checked, a kernel watched, the executed copy kept.

Behind `mle run`.
"""

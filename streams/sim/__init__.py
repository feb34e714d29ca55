"""Simulated sources of picture and sound."""

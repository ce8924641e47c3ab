"""Whole conversations against the simulators."""

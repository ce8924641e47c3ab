"""Parley measured against a floor in the same run."""

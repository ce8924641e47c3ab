"""Translate between chat platforms and Parley's messages."""

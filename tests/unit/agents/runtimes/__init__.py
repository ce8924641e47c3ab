"""Tests of runtimes."""

"""Loaders: one file for each kind of document, found by suffix in `table.py` or through `parley.loaders`."""

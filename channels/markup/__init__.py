"""Markdown as text with styles, which every platform renders in its own markup."""

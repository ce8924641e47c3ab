"""Find the passages that an answer may cite."""

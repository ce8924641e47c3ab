"""Finding: from a question to the passages that fit it."""

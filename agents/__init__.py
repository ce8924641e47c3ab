"""Answer one message: the turn graph, its runtimes, memory, moderation and tools."""

"""What an assistant remembers of a conversation."""

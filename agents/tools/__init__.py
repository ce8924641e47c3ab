"""What an assistant may do besides writing."""

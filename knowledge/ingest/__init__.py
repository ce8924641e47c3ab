"""Taking in: from sources to chunks with vectors."""

"""Chat commands: one table, one file per family."""

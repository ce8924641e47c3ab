"""Read, check and watch the files that describe a Parley installation."""

"""Compose channels and agents into a running bot: the durable path, commands, web and the command line."""

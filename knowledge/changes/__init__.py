"""Changing a base, alone or together with other machines."""

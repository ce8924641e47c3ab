"""The platforms' wire protocols, spoken strictly."""

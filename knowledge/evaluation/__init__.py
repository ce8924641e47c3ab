"""How well passages are found: questions with the passages expected, and what is measured on them."""

"""How well and how fast knowledge is found: a bilingual set of questions over 80 documents, and the clock."""

"""Keep forbidden phrases out of questions and answers."""

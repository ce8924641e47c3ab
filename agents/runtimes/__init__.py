"""One file per framework that can produce an answer."""

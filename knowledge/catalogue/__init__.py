"""The catalogue of one base: documents, chunks, revisions, vectors and the lexical index, in one SQLite file.

It is the truth; the vector index is derived from it. Several processes may open it (WAL). A version of a document is
staged first, with its vectors; publishing makes a set of changes visible at once, as a numbered revision, and keeps
what it replaced for as long as its revision is kept.
"""

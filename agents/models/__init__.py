"""Language models by alias, behind one small streaming protocol."""

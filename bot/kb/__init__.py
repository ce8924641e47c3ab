"""`parley kb`: knowledge bases from the command line."""

"""How the program uses the terminal, and every private name of Textual that it needs for that."""

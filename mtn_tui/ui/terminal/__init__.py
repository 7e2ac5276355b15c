"""What the screens make of the terminal, and every private name of Textual that is used."""

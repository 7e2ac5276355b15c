"""What an operator does, one package for each kind of it; they wire the four packages below together."""

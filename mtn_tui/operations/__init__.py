"""One file per thing an operator does; here the four packages below are wired together."""

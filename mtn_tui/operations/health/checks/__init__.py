"""One check or family of checks a file: each looks at one thing, and says what is so and what to do."""

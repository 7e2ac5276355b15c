"""What is kept, for how long, and the deletion of what is not."""

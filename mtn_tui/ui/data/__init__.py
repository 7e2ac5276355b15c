"""What the screens show, and the threads that read it."""

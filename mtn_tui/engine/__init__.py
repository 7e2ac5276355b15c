"""Worker threads, and the jobs, journals and locks that make long work safe."""

"""A small door for programs: start tasks, read them, follow their events; with the same rights as the pages."""

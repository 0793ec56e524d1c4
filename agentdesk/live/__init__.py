"""What moves, pushed to open pages: numbers of tasks and pieces of answers; and whether the desk is up."""

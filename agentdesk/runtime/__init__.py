"""The loop: claims tasks, lets a model think, runs its tool calls through the gate. The only package that loads the SDK."""

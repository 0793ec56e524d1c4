"""A toolset for tests: a courier who is rung up, remembers nothing and cannot be asked."""

"""What agents can do, and the record of what they did."""

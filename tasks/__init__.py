"""What staff and customers talk about: customers, tickets, tasks, to-dos, turns, and the queue."""

"""A shop that looks lived in, for trying the desk: the same people, orders and tickets on every machine."""

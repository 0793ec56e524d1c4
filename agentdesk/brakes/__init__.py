"""Brakes: people (and the money breaker) stop what agents do, at three depths, and let it go on."""

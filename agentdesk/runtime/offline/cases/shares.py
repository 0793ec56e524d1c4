"""Shares of amounts in minor units, rounded the way people expect."""

from __future__ import annotations


def share(minor: int, percent: int) -> int:
    """`percent` of `minor`, halves rounded up."""
    return (minor * percent + 50) // 100

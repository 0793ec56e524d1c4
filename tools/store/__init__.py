"""Toolset: customers' orders, charges and refunds."""

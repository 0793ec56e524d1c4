"""AgentDesk: AI agents work support tickets, people sign off what matters."""

__version__ = "0.1.0"

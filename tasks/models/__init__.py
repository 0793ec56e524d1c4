from tasks.models.customer import Customer
from tasks.models.task import LIVE, TERMINAL, Task, TaskStatus, WaitingFor
from tasks.models.ticket import Ticket, TicketSource
from tasks.models.todo import ToDo, ToDoState
from tasks.models.turn import Turn

__all__ = [
    "LIVE",
    "TERMINAL",
    "Customer",
    "Task",
    "TaskStatus",
    "Ticket",
    "TicketSource",
    "ToDo",
    "ToDoState",
    "Turn",
    "WaitingFor",
]

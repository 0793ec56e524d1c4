from tasks.models.customer import Customer
from tasks.models.task import LIVE, MAX_DEPTH, MAX_TREE, TERMINAL, OriginKind, Task, TaskStatus, WaitingFor
from tasks.models.ticket import Ticket, TicketSource
from tasks.models.todo import ToDo, ToDoState
from tasks.models.turn import Turn
from tasks.models.usage import Usage
from tasks.models.worker import WorkerProcess

__all__ = [
    "LIVE",
    "MAX_DEPTH",
    "MAX_TREE",
    "TERMINAL",
    "Customer",
    "OriginKind",
    "Task",
    "TaskStatus",
    "Ticket",
    "TicketSource",
    "ToDo",
    "ToDoState",
    "Turn",
    "Usage",
    "WaitingFor",
    "WorkerProcess",
]

from django.urls import path

from agentdesk.desk import approvals, brakes, caps, dashboard, retelling, tasks, tickets, waiting

app_name = "desk"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<slug:public_id>/", approvals.approval, name="approval"),
    path("approvals/<slug:public_id>/decide/", approvals.decide_approval, name="decide"),
    path("brakes/", brakes.brakes, name="brakes"),
    path("brakes/pull/", brakes.brake_pull, name="brake_pull"),
    path("brakes/<slug:public_id>/release/", brakes.brake_release, name="brake_release"),
    path("approvals/<slug:public_id>/ask/", approvals.ask_outside, name="ask_outside"),
    path("tickets/", tickets.tickets, name="tickets"),
    path("tickets/new/", tickets.ticket_new, name="ticket_new"),
    path("tickets/<slug:public_id>/", tickets.ticket, name="ticket"),
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/try-again/", waiting.try_all_again, name="try_all_again"),
    path("tasks/<slug:public_id>/", tasks.task, name="task"),
    path("tasks/<slug:public_id>/try-again/", waiting.try_again, name="try_again"),
    path("tasks/<slug:public_id>/extend/", waiting.extend, name="extend_limit"),
    path("tasks/<slug:public_id>/cancel/", tasks.task_cancel, name="task_cancel"),
    path("tasks/<slug:public_id>/cap/", caps.task_cap, name="task_cap"),
    path("tasks/<slug:public_id>/retry/", retelling.task_retry, name="task_retry"),
    path("tasks/<slug:public_id>/again/", retelling.task_again, name="task_again"),
    path("tasks/<slug:public_id>/fork/<int:turn>/", retelling.task_fork, name="task_fork"),
]

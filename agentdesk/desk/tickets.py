"""The ticket pages: the list, one ticket with its customer and tasks, and the form for a new one."""

from __future__ import annotations

from django import forms
from django.core.paginator import Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from agentdesk.core.errors import Invalid
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from agentdesk.desk.query import asked
from tasks.intake import find_customer, open_ticket
from tasks.models import LIVE, Customer, Task, TaskStatus, Ticket, TicketSource
from tasks.models.ticket import MAX_BODY, MAX_SUBJECT
from tools.store.models import Order

PAGE_ROWS = 30
SUGGESTIONS = 30
ORDERS_SHOWN = 6
FILTERS = {"live": "Being worked on", **dict(TaskStatus.choices)}


def listed(status: str = "") -> QuerySet[Ticket]:
    """Tickets newest first, of one status or all; `standing` is the status of the newest task of each.

    Tasks that other tasks started do not count: they are on the pages of those.
    """
    newest = (
        Task.objects.filter(ticket=OuterRef("pk"), parent=None)
        .order_by("-created_at", "-id")
        .values("status")[:1]
    )
    rows = Ticket.objects.for_list().annotate(standing=Subquery(newest))
    if status == "live":
        return rows.filter(standing__in=LIVE)
    return rows.filter(standing=status) if status in FILTERS else rows


@require_GET
@desk_page()
def tickets(request: DeskRequest) -> HttpResponse:
    status, text = asked(request, "status"), asked(request, "q")
    rows = listed(status)
    if text:
        rows = rows.filter(
            Q(subject__icontains=text)
            | Q(body__icontains=text)
            | Q(public_id=text)
            | Q(external_id=text)
            | Q(customer__name__icontains=text)
            | Q(customer__number__iexact=text)
            | Q(customer__email__iexact=text)
        )
    context = {
        "page": Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page")),
        "filters": FILTERS,
        "status": status,
        "q": text,
        "filtered": bool(status or text),
    }
    return answer(request, "tickets/list.html", {"ticket-list": "tickets/_list.html"}, context)


@require_GET
@desk_page()
def ticket(request: DeskRequest, public_id: str) -> HttpResponse:
    found = one(listed(), public_id)
    orders = Order.objects.filter(customer=found.customer)
    context = {
        "ticket": found,
        "tasks": Task.objects.for_list().filter(ticket=found, parent=None),
        "orders": orders.prefetch_related("lines").order_by("-placed_at")[:ORDERS_SHOWN],
        "orders_count": orders.count(),
        "other_tickets": listed().filter(customer=found.customer).exclude(pk=found.pk)[:5],
    }
    return answer(request, "tickets/detail.html", {"ticket": "tickets/_ticket.html"}, context)


class TicketForm(forms.Form):
    customer = forms.CharField(max_length=254)
    subject = forms.CharField(max_length=MAX_SUBJECT)
    body = forms.CharField(max_length=MAX_BODY, widget=forms.Textarea)

    def clean_customer(self) -> Customer:
        try:
            return find_customer(self.cleaned_data["customer"])
        except Invalid as error:
            raise forms.ValidationError(error.sentence) from None


@require_http_methods(["GET", "POST"])
@desk_page("tasks.start_task")
def ticket_new(request: DeskRequest) -> HttpResponse:
    form = TicketForm(
        request.POST if request.method == "POST" else None,
        initial={"customer": asked(request, "customer")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            new = open_ticket(**form.cleaned_data, source=TicketSource.FORM, by=request.user)
        except Invalid as error:
            form.add_error(next((name for name in error.fields if name in form.fields), None), error.sentence)
        else:
            return redirect(new.tasks.get())
    context = {"form": form, "customers": suggestions(asked(request, "customer"))}
    status = 422 if form.errors else 200
    return answer(
        request, "tickets/new.html", {"customers": "tickets/_customers.html"}, context, status=status
    )


def suggestions(text: str) -> QuerySet[Customer]:
    """Customers to choose from while `text` is being typed."""
    rows = Customer.objects.order_by("name")
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(email__icontains=text) | Q(number__istartswith=text))
    return rows[:SUGGESTIONS]

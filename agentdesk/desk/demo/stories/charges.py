"""Tickets about charges: taken twice, only seemingly twice, given back already, disputed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from agentdesk.desk.demo.plans import RefundPlan, parcel, subscription, twice
from agentdesk.desk.demo.story import Story

CHARGES = [
    Story(
        customer="Mara Lindqvist",
        tier="plus",
        since=1290,
        subject="I was charged twice for my monthly subscription",
        body=(
            "Hi,\n\nI just looked at my card statement and the Coffee Club shows up two times this month, both for $29.00, "
            "one right after the other. I only have one subscription. Could you please give me one of them back?\n\n"
            "Thanks,\nMara"
        ),
        orders=(
            subscription("SUB-COF", placed=6, charges=twice(timedelta(minutes=3))),
            subscription("SUB-COF", placed=36),
        ),
    ),
    Story(
        customer="Devon Okafor",
        since=410,
        subject="Double payment, order {order}",
        body="You took the money for {order} twice. Same amount, same day. Please sort it out.",
        orders=(subscription("SUB-FLW", placed=4, charges=twice(timedelta(hours=2))),),
    ),
    Story(
        customer="Ingrid Solheim",
        tier="business",
        since=1710,
        notes="Orders the pantry for an office of 25. Prefers short mails.",
        subject="Office Pantry billed twice",
        body=(
            "Hello, our accounting found two identical debits of $320.00 for this month's Office Pantry. There must be only "
            "one per our agreement. Kindly reverse the second one and confirm by mail for our books.\n\nIngrid Solheim, Nordlys AS"
        ),
        orders=(subscription("SUB-OFF", placed=9, charges=twice(timedelta(days=1))),),
    ),
    Story(
        customer="Rafael Montoya",
        tier="business",
        since=890,
        subject="URGENT: yearly plan charged two times!!",
        body=(
            "We renewed the Team Pantry for the year and were debited twice, that is $1,480.00 too much. Our account is "
            "close to its limit now. Please refund the duplicate as fast as you can."
        ),
        orders=(subscription("SUB-TEAM", placed=3, charges=twice(timedelta(minutes=1))),),
    ),
    Story(
        customer="Elodie Marchand",
        currency="EUR",
        since=530,
        subject="Deux fois 49 € ce mois-ci",
        body=(
            "Bonjour, sorry for my English. For my subscription Coffee Club Large I see two charges of 49,00 € on my card, "
            "with two days between. I think it is a mistake? I would like to have one back. Merci beaucoup, Elodie"
        ),
        orders=(subscription("SUB-COX", placed=12, charges=twice(timedelta(days=2))),),
    ),
    Story(
        customer="Tom Wexler",
        since=260,
        subject="charged again??",
        body=(
            "you charged me 19 dollars again for the tea thing. i paid that already last month. looks like a duplicate "
            "charge to me, i want it back"
        ),
        orders=(subscription("SUB-TEA", placed=5), subscription("SUB-TEA", placed=35)),
    ),
    Story(
        customer="Priya Raman",
        since=640,
        subject="Duplicate charge on my plan",
        body=(
            "Hi team, I was charged twice for order {order} (Coffee Club). I remember writing about it but I cannot see "
            "whether the second charge was ever returned. Can you check?"
        ),
        orders=(
            subscription(
                "SUB-COF",
                placed=21,
                charges=twice(timedelta(minutes=5)),
                refunds=(RefundPlan(100, timedelta(days=6), "Duplicate charge", charge=1),),
            ),
        ),
    ),
    Story(
        customer="Grace Adeyemi",
        tier="plus",
        since=980,
        subject="Two charges for one desk",
        body=(
            "I ordered one standing desk ({order}) and my bank shows $689.00 twice, on the same evening. The desk is lovely, "
            "the second charge less so. Please refund it. Best, Grace"
        ),
        orders=(
            replace(parcel("DSK-01", placed=14, took=5), charges=twice(timedelta(minutes=2))),
            parcel("LMP-02", placed=120),
        ),
    ),
    Story(
        customer="Yusuf Demir",
        since=150,
        subject="My bank is getting the money back",
        body=(
            "I did not get an answer in time so I opened a dispute at my bank for order {order} ($46.00). Just so you know. "
            "You can also refund me directly if that is quicker."
        ),
        orders=(parcel("VAS-01", placed=25),),
    ),
]

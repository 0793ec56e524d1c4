"""Tickets about parcels: damaged, late, missing, wrong."""

from __future__ import annotations

from datetime import timedelta

from agentdesk.desk.demo.plans import RefundPlan, on_its_way, parcel
from agentdesk.desk.demo.story import Story

PARCELS = [
    Story(
        customer="Hannah Brandt",
        since=330,
        subject="Mug arrived broken",
        body=(
            "Good morning,\nmy order {order} came yesterday and one of the two things in it, the stoneware mug, is broken in "
            "three pieces. The rest is fine. I cannot use it any more, so I would like the money for the mug back.\nHannah"
        ),
        orders=(parcel("MUG-01", "BEA-01", placed=6, took=5),),
    ),
    Story(
        customer="Luca Ferraro",
        currency="EUR",
        since=210,
        subject="Scratched lamp, but I'd keep it",
        body=(
            "Hi, the Desk lamp Arc from {order} has a long scratch on the foot. It was well packed, so it must have been like "
            "this before. It works and I would keep it if you can give me something off the price."
        ),
        orders=(parcel("LMP-02", placed=9, took=4),),
    ),
    Story(
        customer="Olivia Hartley",
        currency="GBP",
        tier="plus",
        since=1120,
        subject="Cracked plates",
        body=(
            "Hello! Two plates of the set of six are cracked. I don't want to send the whole lot back, I'm happy to keep the "
            "set with a partial refund. Order was delivered last week, {order} I think."
        ),
        orders=(parcel("PLT-12", "CDL-01", placed=11, took=4, shipping=True),),
    ),
    Story(
        customer="Marcus Bell",
        tier="plus",
        since=1430,
        subject="Espresso machine dead on arrival",
        body=(
            "The Duetto I got ({order}) is damaged: the housing is bent at the back and it leaks water as soon as I switch it "
            "on. That is $1,249 for a fountain. I want to return it and get a full refund."
        ),
        orders=(parcel("ESP-01", "BEA-01", placed=8, took=5),),
    ),
    Story(
        customer="Sofie Jensen",
        since=75,
        subject="candles melted in transit",
        body=(
            "hi! the box of beeswax candles was completely melted together when it got here, looks like a modern sculpture "
            "but they won't burn. what can you do? s."
        ),
        orders=(parcel("CDL-01", placed=5, took=4),),
    ),
    Story(
        customer="Viktor Novak",
        since=820,
        subject="Chair arrived with a broken armrest",
        body=(
            "Order {order}. The left armrest of the office chair is cracked and comes off when I lean on it. I have built the "
            "chair up already and would keep it for a fair discount, otherwise you can fetch it."
        ),
        orders=(parcel("CHR-01", placed=10, took=5, shipping=True),),
    ),
    Story(
        customer="Aiko Tanaka",
        currency="JPY",
        since=480,
        subject="Ramen bowl chipped",
        body=(
            "Hello. One ramen bowl of order {order} is chipped at the rim and not safe to eat from. I bought two. "
            "Please refund the damaged one. Thank you very much."
        ),
        orders=(parcel("BWL-06", "BWL-06", placed=7, took=4),),
    ),
    Story(
        customer="Nadia Petrova",
        since=590,
        subject="Eight days late",
        body=(
            "My order {order} was promised for {promised} and came more than a week later. It was a birthday present and I "
            "stood there with empty hands. I think you owe me something for that."
        ),
        orders=(parcel("BLK-01", "CSH-02", placed=16, took=13, shipping=True),),
    ),
    Story(
        customer="Jonas Weber",
        currency="EUR",
        since=365,
        subject="Lieferung viel zu spät",
        body=(
            "Hello, the speakers ({order}) arrived 11 days after the promised date. I had to rent some for my party. Is there a "
            "compensation for late delivery? Regards, Jonas Weber"
        ),
        orders=(parcel("SPK-01", placed=20, took=16),),
    ),
    Story(
        customer="Carmen Ruiz",
        since=140,
        subject="parcel late",
        body="My parcel {order} was supposed to be here on {promised} and it came two days after that. Do I get my shipping back?",
        orders=(parcel("TEA-03", "CUP-02", placed=9, took=7, shipping=True),),
    ),
    Story(
        customer="Owen Gallagher",
        since=230,
        subject="Where is my grinder?",
        body=(
            "Hi, I ordered the electric burr grinder on {placed}. The page still says it is on its way, but the promised day is "
            "long gone. It's been far too long now. What happens next?"
        ),
        orders=(on_its_way("GRD-05", placed=12, shipping=True),),
    ),
    Story(
        customer="Fatima El Amrani",
        tier="business",
        since=1010,
        subject="Delayed delivery of {order}",
        body=(
            "Dear support,\n\nthe standing desks of {order} reached us seven days after the agreed date, so four colleagues worked "
            "at a ping-pong table for a week. We would appreciate a compensation.\n\nKind regards\nFatima El Amrani"
        ),
        orders=(parcel("DSK-01", "DSK-01", "DSK-01", "DSK-01", placed=18, took=12),),
    ),
    Story(
        customer="Peter Nyström",
        currency="SEK",
        since=700,
        subject="Late again",
        body=(
            "The kettle took nine days longer than you said ({order}). You already gave me something back for it if I remember "
            "right, but honestly that was not a lot. I would like more."
        ),
        orders=(
            parcel(
                "KTL-01",
                placed=24,
                took=14,
                refunds=(RefundPlan(10, timedelta(days=16), "Late delivery, 10 %"),),
            ),
        ),
    ),
    Story(
        customer="Chloe Dubois",
        since=300,
        subject="My parcel never arrived",
        body=(
            "Order {order} with the wall shelf has never arrived. It was due on {promised}, tracking has not moved for two weeks. "
            "I believe it got lost. Please refund me, I will buy it somewhere else."
        ),
        orders=(on_its_way("SHF-03", placed=19),),
    ),
    Story(
        customer="Dmitri Volkov",
        since=190,
        subject="Says delivered, but nothing here",
        body=(
            "Your page says that {order} was delivered, but there is no parcel at my door, with the neighbours or at the "
            "pick-up point. Headphones are small, I know, but not invisible."
        ),
        orders=(parcel("HDP-01", placed=8, took=4),),
    ),
    Story(
        customer="Amelia Thornton",
        currency="GBP",
        since=430,
        subject="wrong item in the box",
        body=(
            "I ordered the linen cushion and got a canvas tote instead ({order}). It's a nice tote but I can't sit on it. "
            "Could I just have my money back for the cushion please?"
        ),
        orders=(parcel("CSH-02", "NTB-03", placed=6, took=4),),
    ),
]

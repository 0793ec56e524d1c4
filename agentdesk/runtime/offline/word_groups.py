"""The kinds of cases and the weighted word groups that speak for each; patterns see plain lower-case text."""

from __future__ import annotations

import enum


class Kind(enum.StrEnum):
    DUPLICATE = "duplicate charge"
    DAMAGED = "damaged item"
    WRONG = "wrong item"
    LATE = "late delivery"
    MISSING = "missing parcel"
    CANCEL = "cancellation"
    RETURN = "return"
    WISH = "special wish"
    SUBSCRIPTION = "subscription"
    CHARGEBACK = "bank dispute or legal matter"
    FRAUD = "suspected fraud"
    PRIVACY = "privacy request"
    ACCOUNT = "account"
    COMPLAINT = "complaint"
    GENERAL = "question"
    UNCLEAR = "unclear"


_CHARGED = r"(?:charged?|charges|billed|debited|paid|pay(?:ment)?s?|taken|took|deducted|withdr[ae]wn?|invoiced|debits?|bill)"
_TWICE = (
    r"(?:twice|two times|2 times|2x|x2|double|doubled|again|a second time|(?:two|2|three|3|several) times)"
)
_PARCEL = r"(?:parcel|package|packet|order|delivery|shipment|box|item|it|stuff|things?|goods|purchase)"
_GOT = r"(?:received?|got|get|gotten|arrived?|come|came|shown up|showed up|turned up|reached|seen|here|delivered|there)"
_NOT = r"(?:not|never|no|nothing|hasnt|havent|didnt|isnt|wasnt|doesnt|dont|still waiting|yet to|nowhere)"

GROUPS: dict[Kind, list[tuple[str, float]]] = {
    Kind.DUPLICATE: [
        (rf"{_CHARGED}\W+(?:\w+\W+){{0,6}}?{_TWICE}\b", 4),
        (rf"\b{_TWICE}\W+(?:\w+\W+){{0,3}}?{_CHARGED}\b", 4),
        (r"\b(?:duplicated?|duplicates|double) (?:\w+ )?(?:charge|charges|payment|payments|billing|transaction|debit|entry|bill|booking|invoice)", 5),
        (r"\b(?:two|2|three|3|both|multiple|several|second|extra|another|additional|identical) (?:\w+ ){0,3}?(?:charges?|payments?|debits?|transactions?|deductions?|withdrawals?|bookings?|bills?)\b", 4),
        (r"\bsame (?:amount|charge|payment|sum|transaction)\b.{0,40}\b(?:twice|again|two|double|times)", 4),
        (r"\b(?:twice|two times|double)\b.{0,60}\b(?:statement|card|bank|account|paypal)\b", 4),
        (r"\b(?:statement|card|bank|account|paypal)\b.{0,60}\b(?:twice|two times|double|duplicate)", 4),
        (r"\bdouble.?(?:charged?|billed|billing|paid|debited)", 5),
        (r"\bovercharged?\b|\bcharged? (?:me )?(?:too much|more than)", 2),
        (r"\b(?:duplicated?|duplicates)\b", 2.5),
    ],
    Kind.DAMAGED: [
        (r"\b(?:broken?|broke|crack(?:ed|s)?|smashed|shattered|dent(?:ed|s)?|scratch(?:ed|es)?|damaged?|damages|bent|ripped|torn|tear|chipped|chip|leaking|leaked|leaks|leaky|crushed|squashed|stain(?:ed|s)?|snapped|faulty|defective|dead on arrival|doa|mouldy|melted|burst|warped|soaked|moldy|rotten|spoiled)\b", 4),
        (r"\b(?:doesnt|does not|wont|will not|not|isnt|stopped|never|didnt) (?:even )?(?:work|working|turn on|switch on|start|charge|function|worked)\b", 3.5),
        (r"\b(?:in|into|to) (?:\w+ )?pieces\b|\bfell apart\b|\bfalling apart\b|\bcame apart\b|\bmissing (?:a )?(?:handle|part|piece|screws?|lid|button)", 3),
        (r"\bhole in\b|\bbad (?:shape|condition|state)\b|\bdefect\b|\bmalfunction", 2.5),
    ],
    Kind.WRONG: [
        (r"\b(?:wrong|incorrect|different|another|completely other) (?:\w+ ){0,2}?(?:item|items|product|size|colou?r|thing|article|one|model|order|parcel|version|shirt|mug|shoes?|book|goods|variant|flavou?r|stuff)\b", 3.5),
        (r"\b(?:sent|send|shipped|delivered|got|received|gave|given)\b(?: me| us)?(?: a| an| the| some)? (?:wrong|incorrect|different|completely different|totally different)", 3),
        (r"\binstead of\b|\brather than the\b", 2.5),
        (r"\bnot (?:what|the \w+ (?:that )?|the one) (?:i|we) (?:have )?(?:ordered|bought|asked|paid|wanted)", 4),
        (r"\b(?:ordered|bought|wanted|asked for) .{2,50}\b(?:but|and|yet)\b.{0,12}\b(?:got|received|was sent|were sent|sent me|came|inside|in the box)", 3.5),
        (r"\bmix(?:ed)?.?up\b|\b(?:someone|somebody) elses? (?:order|parcel|package|stuff|things)|\b(?:isnt|is not|not|arent) mine\b", 3.5),
    ],
    Kind.LATE: [
        (r"\b(?:late|delayed|delay|delays|overdue|behind schedule|too slow|slow delivery|belated)\b", 4),
        (r"\b(?:was|were|is|are) (?:supposed|meant|promised|due|expected|scheduled) (?:to )?(?:be |to )?(?:\w+ )?(?:here|arrive|come|delivered|be delivered|by|on|last|delivery|yesterday|monday|tuesday|wednesday|thursday|friday|saturday|sunday|in)", 3),
        (r"\b(?:days?|weeks?) (?:late|after|later than|past|overdue|behind)\b", 3),
        (r"\btook (?:\w+ ){0,4}?(?:weeks?|days?|ages|forever|month)\b|\btaking (?:so long|forever|ages|too long)", 3),
        (r"\bpromised\b.{0,40}\b(?:date|day|by|delivery|monday|tuesday|wednesday|thursday|friday|saturday|sunday|last week|yesterday)\b", 2),
        (r"\bmissed (?:the|its|your) (?:delivery )?(?:date|deadline|birthday)\b|\b(?:not|didnt|never|isnt|wasnt|hasnt) (?:\w+ ){0,3}?(?:on|in) time\b|\btoo late for\b", 4),
    ],
    Kind.MISSING: [
        (rf"\b{_NOT}\W+(?:\w+\W+){{0,4}}?{_GOT}\b", 3.5),
        (r"\b(?:lost|missing|disappeared|vanished|stolen|nowhere to be (?:found|seen)|went missing|gone)\b(?! (?:handle|part|piece))", 3),
        (r"\bwhere(?:s| is| are| the hell is)? (?:my|our) \w+|\bwhere(?:s| is| are) (?:the|it)\b", 3),
        (r"\b(?:marked|says?|claims?|claimed|shows?|showing|status|tracking|listed)\b.{0,25}\bdelivered\b", 3.5),
        (r"\b(?:still|been) waiting (?:for|on)\b|\bstill (?:nothing|no (?:sign|parcel|package|delivery))\b|\bno (?:sign|trace) of\b", 3),
        (r"\btracking\b.{0,40}\b(?:stuck|stopped|not moved|hasnt (?:moved|updated|changed)|no updates?|not updated|same status|no change|nothing)|\bsame status\b", 3),
        (r"\bempty (?:box|parcel|package)\b", 2.5),
    ],
    Kind.CANCEL: [
        (r"\b(?:cancel|cancell?ed|cancell?ing|cancellation|call off|stop)\b(?:\W+\w+){0,5}?\W+(?:order|orders|purchase|it|this|that|shipment|delivery|item|[a-z]-?\d+)\b", 4),
        (r"\b(?:cancel|cancell?ing|cancellation)\b", 3),
        (r"\b(?:dont|do not|please dont|stop) (?:send|ship|dispatch|deliver)(?:ing)?\b", 4),
        (r"\b(?:ordered|bought|placed|order) (?:\w+ ){0,5}?(?:by mistake|by accident|accidentally|in error)|\b(?:accidentally|mistakenly) (?:\w+ )?(?:ordered|bought|placed)", 4),
        (r"\b(?:before|hasnt|not been|not yet) (?:it |been |you |yet )*(?:ships?|shipped|dispatched|sent out|send it)", 2.5),
        (r"\b(?:undo|withdraw|revoke|take back) (?:my|the|this) (?:order|purchase)\b", 4),
    ],
    Kind.RETURN: [
        (r"\b(?:return|returning|returned|returns|send (?:it|them|this|these|something) back|sending (?:it|them|this) back|give (?:it|them) back|bring (?:it|them) back|sent (?:it|them) back|rma)\b(?! (?:address|my (?:call|email|mail)))", 4),
        (r"\bchanged? (?:my|our|her|his) minds?\b", 3.5),
        (r"\b(?:dont|do not|no longer|didnt|doesnt|does not|not) (?:really )?(?:need|want|like|fit|suit)\b(?! to (?:cancel|wait))", 3),
        (r"\btoo (?:big|small|tight|large|loose|long|short|wide|narrow)\b|\bwrong for me\b|\bdoesnt fit\b", 2.5),
        (r"\bnot (?:as|like) (?:described|expected|pictured|shown|i (?:expected|imagined))|\bnot happy with (?:the|my|it)\b|\bunwanted\b", 2.5),
        (r"\bexchange\b|\bswap\b", 2.5),
    ],
    Kind.WISH: [
        (r"\b(?:discount|coupon|voucher|promo(?:tion)?(?: code)?|gift ?card|goodwill|freebie|rebate|store credit|special (?:deal|price|offer))\b", 3.5),
        (r"\b(?:cheaper|lower price|price (?:match|drop|dropped|difference|adjustment|went down|reduced)|on sale (?:now|today)|reduced (?:now|today|to))\b", 3.5),
        (r"\b(?:for free|free of charge|free (?:shipping|upgrade|gift|item|product|replacement|month|stuff)|something (?:extra|free))\b", 3),
        (r"\bloyalty\b|\b(?:loyal|long.?time|long.?standing|good|best|vip) customer\b|\bbeen (?:a customer|with you|shopping|buying) (?:\w+ ){0,3}(?:years|ages|since)\b", 1.5),
        (r"\b(?:make|made) an exception\b|\b(?:bend|stretch) the rules\b|\bwaive\b|\bout of (?:courtesy|goodwill|kindness)\b|\bas a (?:gesture|favou?r)\b", 3),
        (r"\bcompensat(?:e|ion)\b(?!.{0,60}\blate\b)", 1.5),
        (r"\b(?:a|some) (?:little |small |nice )?(?:present|gift|reward|bonus|treat|thank.?you)\b|\b(?:after|for) (?:\w+ )?\w+ years\b", 2),
        (r"\bkeep (?:it|them|the \w+) and (?:\w+ ){0,4}?(?:full )?(?:refund|money back)", 1),
    ],
    Kind.SUBSCRIPTION: [
        (r"\b(?:cancel|end|stop|pause|terminate|quit|leave|unsubscribe|cancell?ing|discontinue|get out of)\b(?:\W+\w+){0,5}?\W+(?:subscription|membership|plan|monthly|box|renewal|auto.?renew\w*)", 6),
        (r"\bunsubscribe\b|\bauto.?renew", 4.5),
        (r"\b(?:change|upgrade|downgrade|switch|skip)\b(?:\W+\w+){0,4}?\W+(?:subscription|membership|plan)\b", 4.5),
        (r"\b(?:subscription|membership)\b", 1),
    ],
    Kind.CHARGEBACK: [
        (r"\b(?:lawyers?|attorney|solicitor|sue|suing|court|legal (?:action|steps|proceedings)|small claims|ombudsman|trading standards|consumer protection|lawsuit)\b", 6),
        (r"\bcharge ?back (?:is|was|has)\b|\b(?:opened|filed|started|raised|made) (?:a|the) (?:\w+ )?(?:dispute|charge ?back|case|claim)\b|\b(?:have|has|been|already) disput\w+|\bdispute (?:is|was) open", 6),
        (r"\b(?:charge ?backs?|disput(?:e|ed|ing)|my bank (?:will|is going to)|paypal case)\b", 2.6),
    ],
    Kind.FRAUD: [
        (r"\b(?:fraud|fraudulent|scam|scammed|scammers?|phishing|identity theft|stolen (?:card|credit|identity)|card (?:was )?stolen|unauthori[sz]ed|hacked|compromised)\b", 5.5),
        (r"\b(?:didnt|did not|never|havent|not) (?:\w+ )?(?:make|made|place|placed|order|ordered|authori[sz]e|authori[sz]ed|recogni[sz]e|buy|bought)\b(?!.{0,20}\b(?:mistake|twice|again)\b)", 4),
        (r"\bsomeone (?:else )?(?:used|ordered|is using|has used|has been using)\b.{0,30}\b(?:account|card|name)", 5),
    ],
    Kind.PRIVACY: [
        (r"\b(?:gdpr|ccpa|dsgvo|right to (?:be forgotten|erasure|access)|data protection|subject access|personal data|my data|privacy)\b", 6),
        (r"\b(?:delete|erase|remove|close)\b.{0,25}\b(?:account|data|information|details|profile|everything (?:about|you (?:have|know)))\b", 5),
    ],
    Kind.ACCOUNT: [
        (r"\b(?:log ?in|log ?on|sign ?in|password|locked out|reset link|two.?factor|2fa|verification code|username)\b", 4.5),
        (r"\b(?:change|update|correct)\b.{0,20}\b(?:e.?mail|address|phone|name|account|profile|details)\b", 3.5),
    ],
    Kind.COMPLAINT: [
        (r"\b(?:unacceptable|outrageous|ridiculous|disgusting|furious|appalling|disgrace(?:ful)?|worst|terrible|horrible|awful|pathetic|fed up|angry|useless|incompetent|rude|disgusted|shameful|joke|complaint|complain|disappointed)\b", 1.5),
        (r"\b(?:speak|talk) (?:to|with) (?:a |your |the )?(?:manager|supervisor|human|real person)\b", 3),
        (r"\bformal complaint\b|\bbad review\b|\b(?:one|1).?star\b|\bnever (?:order|buy|shop)\w* (?:from|with|here|again)", 2),
    ],
    Kind.GENERAL: [
        (r"\b(?:do|can|could|does|is|are|will|what|which|how|when|where) (?:you|i|we|it|there|your|the|my|is|are|do|does|long|much|many)\b[^.!\n]{3,150}\?", 2),
        (r"\b(?:opening hours|shipping (?:cost|costs|fee|fees|to|time|times)|ship to|deliver to|invoice|receipt|vat|warranty|in stock|back in stock|payment methods?|size (?:chart|guide)|phone number|gift wrap\w*|store (?:hours|location))\b", 3),
        (r"\b(?:question (?:about|on|regarding)|wondering|curious|want(?:ed)? to know|like to know|information (?:about|on))\b", 2),
        (r"\bthank(?:s| you)\b.{0,30}\b(?:great|quick|fast|lovely|help|everything)\b", 1),
    ],
}  # fmt: skip

"""Sentences in a customer's message that pretend to be orders to the agent: found, set aside, never followed."""

from __future__ import annotations

import re
from functools import lru_cache

_ORDERS = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}\b(?:rules?|instructions?|prompts?|polic(?:y|ies)|guidelines?|
        approvals?|limits?|restrictions?|everything\ (?:above|before)|previous|prior)\b
    | (?:^|[\s>\[<*#"'(])(?:system|assistant|developer)(?:\s+(?:message|prompt|note|override))?\s*[:\]>]
    | </?\s*(?:system|assistant|instructions?|tool_call|function_call)\b
    | \byou\ are\ (?:now|no\ longer)\b | \b(?:act|behave|respond)\ as\ (?:if\ you|an?\ (?:admin|manager|developer|unrestricted|different))
    | \b(?:developer|admin|debug|god|dan|jailbreak|maintenance)\ mode\b | \bnew\ (?:instructions?|rules?|system\ prompt)\b
    | \b(?:as|you\ are)\ an?\ (?:ai|language\ model|llm|bot|agent)\b | \b(?:dear|hey|attention:?)\ (?:ai|bot|agent|model|assistant)\b
    | \bwithout\ (?:any\ )?(?:asking|approval|human|confirmation|review|checking)\b | \bno\ (?:human\ )?approval\ (?:is\ )?(?:needed|required)
    | \b(?:pre.?approved|already\ approved)\ by\b | \bno\ sign.?offs?\b | \b(?:manager|boss|supervisor|ceo|admin)\b.{0,20}\bapproved\b
    | \b(?:do\ not|don['’]?t)\ (?:mention|reveal|disclose)\b | \b(?:reveal|print|show|repeat|output)\b.{0,25}\b(?:prompt|instructions|api\ key|secrets?)\b
    | \b(?:issue_refund|refund_duplicate_charge|notify_user|write_document|ask_person|get_user_data|cancel_order|add_todos|set_todo_state)\b
    | \b(?:call|use|invoke|execute|run)\ the\ \w+\ (?:tool|function)\b
    | \b(?:refund|transfer|send|pay|credit)\b.{0,30}[$€£]\s?\d[\d,]{3,}.{0,60}\b(?:immediately|right\ now|at\ once|now)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")


@lru_cache(maxsize=256)
def set_aside(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text without such sentences, and the sentences."""
    kept: list[str] = []
    aside: list[str] = []
    for sentence in _SENTENCES.split(text):
        (aside if _ORDERS.search(sentence) else kept).append(sentence.strip())
    return "\n".join(sentence for sentence in kept if sentence), tuple(aside)

"""A setting that makes no sense stops the start with a sentence that names the variable."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from agentdesk.core.settings import choice, flag, names, read, url, whole

ROOT = Path(__file__).resolve().parents[2]
WRONG = [
    ("AGENTDESK_REASONING_SUMMARY", "yes"),
    ("AGENTDESK_TIME_ZONE", "Mars/Olympus"),
    ("EMAIL_URL", "mail.example:25"),
    ("AGENTDESK_DEMO", "maybe"),
    ("AGENTDESK_DEBUG", "2"),
    ("AGENTDESK_HTTPS", "tls"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "http"),
    ("OPENAI_BASE_URL", "localhost:1234"),
    ("AGENTDESK_MODEL_API", "completions"),
    ("AGENTDESK_MODEL_TIMEOUT", "0"),
    ("AGENTDESK_MODEL_TIMEOUT", "1.5"),
    ("AGENTDESK_OFFLINE_PACE_MS", "-1"),
    ("AGENTDESK_TASKS_IN_FLIGHT", "501"),
    ("AGENTDESK_WORKERS", "0"),
    ("DATABASE_URL", "mysql://localhost/desk"),
    ("DATABASE_URL", "agentdesk.sqlite3"),
    ("REDIS_URL", "localhost:6379"),
    ("AGENTDESK_MAX_COST_PER_DAY", "ten"),
    ("AGENTDESK_MAX_TOKENS_PER_DAY", "-5"),
    ("AGENTDESK_PAYMENTS", "paypal"),
    ("AGENTDESK_PAYMENT_TIMEOUT", "0"),
    ("AGENTDESK_STRIPE_LIVE", "perhaps"),
    ("AGENTDESK_STRIPE_URL", "http://payments.example"),
    ("AGENTDESK_LOG_FORMAT", "xml"),
    ("AGENTDESK_LOG_LEVEL", "verbose"),
]
TRY = """
import json, os, sys
from importlib import import_module
from django.core.exceptions import ImproperlyConfigured
said = []
for environment in json.loads(sys.argv[1]):
    before = dict(os.environ)
    os.environ.update(environment)
    sys.modules.pop("agentdesk.settings", None)
    try:
        import_module("agentdesk.settings")
    except ImproperlyConfigured as error:
        said.append(str(error))
    else:
        said.append("")
    os.environ.clear()
    os.environ.update(before)
print(json.dumps(said))
"""


def said(environments: list[dict[str, str]], data: Path) -> list[str]:
    """What loading the settings with each environment says, in a process of its own; empty where it loads."""
    ours = ("AGENTDESK_", "DATABASE_URL", "REDIS_URL", "OPENAI_", "EMAIL_URL", "PORT")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    finished = subprocess.run(
        [sys.executable, "-c", TRY, json.dumps(environments)],
        cwd=ROOT,
        env={**clean, "AGENTDESK_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    answer: list[str] = json.loads(finished.stdout)
    return answer


def test_nonsense_in_the_environment_stops_the_start_and_names_the_variable(tmp_path: Path) -> None:
    sentences = said([{name: value} for name, value in WRONG], tmp_path)
    for (name, value), sentence in zip(WRONG, sentences, strict=True):
        assert sentence.startswith(f"{name}={value!r} does not work: "), (name, value, sentence)


def test_the_demo_stays_on_this_machine(tmp_path: Path) -> None:
    demo = {"AGENTDESK_DEMO": "1"}
    sentences = said(
        [
            {**demo, "AGENTDESK_HOST": "0.0.0.0"},
            {**demo, "AGENTDESK_ALLOWED_HOSTS": "desk.example"},
            {**demo, "AGENTDESK_ALLOWED_HOSTS": "127.0.0.1,*"},
            {**demo, "AGENTDESK_HOST": "::1"},
            demo,
            {"AGENTDESK_HOST": "0.0.0.0"},
        ],
        tmp_path,
    )
    assert [bool(sentence) for sentence in sentences] == [True, True, True, False, False, False]
    assert all("AGENTDESK_DEMO" in sentence for sentence in sentences[:3])


def test_every_variable_that_is_parsed_is_tried_with_nonsense_here() -> None:
    source = (ROOT / "agentdesk" / "settings.py").read_text()
    parsed = re.findall(r'read\(\s*ENV,\s*"(\w+)"[^\n]*?(?:flag|whole|choice|url|time_zone)\b', source)
    assert len(parsed) > 10
    assert set(parsed) == {name for name, _ in WRONG}


@pytest.mark.parametrize("raw", ["1", "true", "Yes", " on "])
def test_flags_say_yes_in_few_ways(raw: str) -> None:
    assert read({"X": raw}, "X", default=False, parse=flag) is True


@pytest.mark.parametrize("raw", ["0", "false", "No", "off", ""])
def test_flags_say_no_in_few_ways(raw: str) -> None:
    assert read({"X": raw}, "X", default=True, parse=flag) is False


def test_an_unset_variable_has_its_default_unparsed() -> None:
    assert read({}, "X", 7, whole(1, 3)) == 7


@pytest.mark.parametrize(
    ("raw", "parse", "words"),
    [
        ("4", whole(1, 3), "from 1 to 3"),
        ("", whole(1, 3), "write a whole number"),
        ("c", choice("a", "b"), "write one of: a, b"),
        ("ftp://x", url("http", "https"), "http:// or https://"),
        ("perhaps", flag, "write 1 or 0"),
    ],
)
def test_the_sentence_says_what_to_write(raw: str, parse, words: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        read({"X": raw}, "X", None, parse)
    assert str(refused.value).startswith(f"X={raw!r}")
    assert words in str(refused.value)


def test_names_are_split_at_commas_and_empty_ones_left_out() -> None:
    assert read({"X": " a, b ,,c,"}, "X", [], names) == ["a", "b", "c"]

"""import_tickets: good rows go in once, bad ones are named by line and reason."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tasks.models import Task, Ticket
from tests.factories import CustomerFactory, support_version

pytestmark = pytest.mark.django_db

HEADER = "external_id,customer,subject,body\n"


@pytest.fixture
def mara():
    support_version()
    return CustomerFactory(number="C-4001", name="Mara Lindqvist", email="mara@customers.example")


@pytest.fixture
def run(tmp_path):
    def run(content: str | bytes, *options: str, name: str = "tickets.csv") -> tuple[str, str, str]:
        """What it wrote, what it complained about by line, and why it failed in the end."""
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        out, err = StringIO(), StringIO()
        try:
            call_command("import_tickets", str(file), *options, stdout=out, stderr=err)
        except CommandError as error:
            return out.getvalue(), err.getvalue(), str(error)
        return out.getvalue(), err.getvalue(), ""

    return run


def line(**changes: object) -> str:
    row = {"external_id": "z-1", "customer": "C-4001", "subject": "Late", "body": "Where is it?", **changes}
    return json.dumps(row) + "\n"


def test_each_row_becomes_a_ticket_with_a_queued_task(mara, run):
    out, err, failure = run(
        HEADER
        + 'z-1,C-4001,Charged twice,"Two charges,\nplease help"\nz-2,mara@customers.example,Late,Where is it?\n'
    )
    assert (out, err, failure) == ("2 added, 0 here already, 0 bad.\n", "", "")
    first = Ticket.objects.get(external_id="z-1")
    assert (first.source, first.customer, first.body) == ("import", mara, "Two charges,\nplease help")
    assert [task.status for task in Task.objects.all()] == ["queued", "queued"]


def test_running_it_twice_adds_nothing(mara, run):
    content = HEADER + "z-1,C-4001,Late,Where is it?\n"
    run(content)
    assert run(content) == ("0 added, 1 here already, 0 bad.\n", "", "")
    assert Ticket.objects.count() == Task.objects.count() == 1


def test_json_lines_are_read_too(mara, run):
    content = line() + "\n" + line(external_id=2, customer="Mara Lindqvist")
    assert run(content, name="tickets.jsonl")[0] == "2 added, 0 here already, 0 bad.\n"
    assert Ticket.objects.filter(external_id="2", customer=mara).exists()


def test_the_format_shows_itself_where_the_name_does_not(mara, run):
    assert run(line(), name="export")[0].startswith("1 added")
    assert run(HEADER + "z-2,C-4001,Late,Where is it?\n", name="export.txt")[0].startswith("1 added")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_extra_columns_and_a_byte_order_mark_are_fine(mara, run, separator):
    content = "\ufeffBody,priority,Subject,customer,EXTERNAL_ID\nWhere is it?,high,Late,C-4001,z-1\n"
    assert run(content.replace(",", separator))[0].startswith("1 added")
    assert Ticket.objects.get().body == "Where is it?"


def test_a_bad_row_is_named_by_the_line_it_starts_on_and_the_good_ones_go_in(mara, run):
    content = HEADER + (
        'z-1,C-4001,Late,"Where\nis it?"\n'
        "z-2,C-9999,Late,Where is it?\n"
        "z-3,C-4001,,Where is it?\n"
        "z-4,C-4001,Late,Where, is it?\n"
        "z-1,C-4001,Late,Again\n"
        "z-5,C-4001,Late,Where is it?\n"
    )
    out, err, failure = run(content)
    assert out == "2 added, 0 here already, 4 bad.\n"
    assert failure == "4 rows were left out. Correct them and run it again."
    complaints = err.splitlines()
    assert "line 4: No customer is called 'C-9999'" in complaints[0]
    assert complaints[1] == "line 5: subject must not be empty."
    assert complaints[2].startswith("line 6: It has 5 cells and the header has 4.")
    assert complaints[3] == "line 7: The external_id 'z-1' is in line 2 already."


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (b"broken \xff byte", "The body is not valid UTF-8"),
        (b"a\x00b", "The body contains a NUL byte"),
        (b"x" * 1_000_000, "The body is 1,000,000 characters long; the limit is 20,000."),
    ],
    ids=["encoding", "NUL", "1 MB"],
)
@pytest.mark.parametrize("name", ["tickets.csv", "tickets.jsonl"])
def test_text_that_cannot_be_kept_costs_its_own_row_only(mara, run, cell, reason, name):
    if name == "tickets.csv":
        content = HEADER.encode() + b"z-1,C-4001,Late," + cell + b"\nz-2,C-4001,Late,Where is it?\n"
    else:
        escaped = cell.replace(b"\x00", b"\\u0000")
        content = line(body="@").encode().replace(b"@", escaped) + line(external_id="z-2").encode()
    out, err, _ = run(content, name=name)
    assert out == "1 added, 0 here already, 1 bad.\n"
    assert reason in err
    assert err.startswith("line 2:" if name == "tickets.csv" else "line 1:")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{not json}\n", "It is not valid JSON"),
        ("[]\n", "It is not a JSON object"),
        ("[" * 100_000 + "\n", "It is not valid JSON"),
        (line(subject=None), "subject must be text."),
        (line(external_id=True), "external_id must be text."),
        ('{"external_id": "z", "customer": "C-4001"}\n', "It lacks subject, body."),
        (line().replace('"z-1"', '"z-1", "subject": "x"'), "a key appears twice"),
        (line(body="x" * 2_000_001), "The line is longer than 2,000,000 characters."),
    ],
)
def test_a_bad_json_line_says_why_and_the_next_goes_in(mara, run, text, reason):
    out, err, _ = run(text + line(external_id="z-2"), name="tickets.jsonl")
    assert out == "1 added, 0 here already, 1 bad.\n"
    assert err.startswith("line 1: ")
    assert reason in err


def test_an_open_quotation_mark_stops_the_reading_and_says_so(mara, run):
    content = HEADER + 'z-1,C-4001,Late,Where?\nz-2,C-4001,Late,"never closed\nz-3,C-4001,Late,Where?\n'
    out, err, _ = run(content)
    assert out == "1 added, 0 here already, 1 bad.\n"
    assert "a quotation mark may be missing" in err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "The file has no header."),
        ("z-1,C-4001,Late,Where is it?\n", "The header lacks external_id, customer, subject, body"),
        (
            "external_id,customer,subject\nz,C-4001,Late\n",
            "The header lacks body; it has external_id, customer, subject.",
        ),
        ("body,external_id,customer,subject,body\n", "The header names body twice."),
        (HEADER.encode("utf-16"), "is written in UTF-16"),
    ],
)
def test_a_file_that_cannot_be_used_at_all_is_refused_whole(mara, run, content, reason):
    assert reason in run(content)[2]
    assert not Ticket.objects.exists()


def test_a_missing_file_is_said_in_words(mara, tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file") as failed:
        call_command("import_tickets", str(tmp_path / "nothing.csv"))
    assert failed.value.returncode == 1


def test_the_named_person_is_the_requester(mara, run, ada):
    run(HEADER + "z-1,C-4001,Late,Where is it?\n", "--as", "ada")
    assert Task.objects.get().requested_by == Ticket.objects.get().created_by == ada


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--as", "nobody"], "There is no active user 'nobody'."),
        (["--as", "vera"], "vera may not start tasks."),
        (["--agent", "poet"], "There is no agent 'poet'."),
    ],
)
def test_unknown_people_and_agents_stop_it_before_the_first_row(mara, vera, run, options, reason):
    assert reason in run(HEADER + "z-1,C-4001,Late,Where is it?\n", *options)[2]
    assert not Ticket.objects.exists()


def test_text_that_deceives_a_terminal_is_spelled_out(mara, run):
    _, err, _ = run(HEADER + "z-1,\u202eC-9\x1b[2J,Late,Where is it?\n")
    assert "\u202e" not in err
    assert "\x1b" not in err

"""Tokens: shown once, kept as a hash, with their owner's rights, gone when revoked."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from agentdesk.api import tokens
from agentdesk.api.models import Token
from agentdesk.core.errors import Forbidden, Invalid
from tests.api.conftest import Program
from tests.factories import TaskFactory


def command(*arguments):
    out = StringIO()
    call_command("token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def reads(secret):
    task = TaskFactory()
    return (
        Client(headers={"Authorization": f"Bearer {secret}"})
        .get(f"/api/v1/tasks/{task.public_id}")
        .status_code
    )


def test_the_command_prints_a_token_that_works_and_keeps_only_its_hash(ada):
    secret = command("create", "--user", "ada", "--name", "Nightly job").strip()

    token = Token.objects.get()
    assert reads(secret) == 200
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(Token.objects.values().get())


def test_the_list_shows_tokens_and_never_secrets(ada):
    program = Program(ada, days=30)
    program.get("/api/v1/tasks/tsk_0")
    tokens.revoke(Program(ada).token.pk)

    listed = command("list")

    assert "ada\ttests\tuntil " in listed
    assert "revoked\tnever used" in listed
    assert program.secret not in listed
    assert program.token.digest not in listed


def test_a_revoked_token_is_refused(ada):
    program = Program(ada)
    assert reads(program.secret) == 200

    command("revoke", str(program.token.pk))

    assert reads(program.secret) == 401


def test_an_expired_token_is_refused(ada):
    program = Program(ada, days=1)
    assert reads(program.secret) == 200

    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert reads(program.secret) == 401


@pytest.mark.parametrize("secret", ["", "adk_wrong", "x" * 10_000, "adk_\u00e9"])
def test_an_unknown_token_is_refused_even_with_a_session(ada, secret):
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    client.force_login(ada)
    assert client.get("/api/v1/tasks/tsk_0").status_code == 401


def test_another_scheme_than_bearer_is_refused(ada):
    assert Client(headers={"Authorization": "Basic YWRhOng="}).get("/api/v1/tasks/tsk_0").status_code == 401


def test_a_token_dies_with_its_owners_account_and_role(ada):
    program = Program(ada)
    ada.groups.clear()
    assert reads(program.secret) == 403
    ada.is_active = False
    ada.save()
    assert reads(program.secret) == 401


def test_the_owner_needs_the_right_to_use_the_api(vera, ada):
    with pytest.raises(Forbidden):
        tokens.create(vera, name="mine")
    program = Program(ada)
    vera.groups.set(ada.groups.all())
    ada.groups.set([])
    assert reads(program.secret) == 403


def test_an_auditors_token_reads_and_starts_nothing(audrey):
    program = Program(audrey)
    assert reads(program.secret) == 200
    assert program.start(goal="Help.").status_code == 403


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 81}, {"name": "a\x00"}, {"days": 0}, {"days": 99_999}]
)
def test_a_token_needs_a_name_and_a_sensible_life(ada, wrong):
    with pytest.raises(Invalid):
        tokens.create(ada, **{"name": "Job", **wrong})


def test_use_is_noted_at_most_once_a_minute(ada):
    program = Program(ada)
    reads(program.secret)
    noted = Token.objects.get().last_used_at
    reads(program.secret)
    assert Token.objects.get().last_used_at == noted is not None

    Token.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    reads(program.secret)
    assert Token.objects.get().last_used_at > noted - timedelta(seconds=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "--user", "nobody", "--name", "x"),
        ("revoke", "999"),
        ("create", "--user", "vera", "--name", "x"),
    ],
)
def test_the_command_says_what_is_wrong(vera, arguments):
    with pytest.raises(CommandError):
        command(*arguments)


def test_revoking_twice_is_said(ada):
    token = Program(ada).token
    tokens.revoke(token.pk)
    with pytest.raises(CommandError, match="already"):
        command("revoke", str(token.pk))

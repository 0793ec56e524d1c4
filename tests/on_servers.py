"""Run the tests of state and races again on PostgreSQL and Redis, where there are any: `python -m tests.on_servers`.

The servers are named by AGENTDESK_TEST_POSTGRES_URL and AGENTDESK_TEST_REDIS_URL; without them, the usual local ones are
tried. The tests make and drop a database of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import psycopg
import redis

POSTGRES_URL = os.environ.get("AGENTDESK_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("AGENTDESK_TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
ROUNDS = [["flows", "races", "tools", "tasks", "approvals"], ["events", "live", "api"], ["scale"]]
"""One after the other: streams follow commits, and a test that keeps a transaction open for long, in whatever database of
the server, holds back what counts as settled (see agentdesk.events.models)."""


def postgres_answers() -> bool:
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=2).close()
    except psycopg.Error as error:
        print(f"On PostgreSQL: skipped, {POSTGRES_URL} does not answer ({str(error).splitlines()[0]})")
        return False
    return True


def redis_answers() -> bool:
    try:
        redis.Redis.from_url(REDIS_URL, socket_connect_timeout=2).ping()
    except redis.RedisError:
        print(f"On Redis: skipped, {REDIS_URL} does not answer")
        return False
    return True


def main() -> int:
    if not postgres_answers():
        return 0
    servers = {"DATABASE_URL": POSTGRES_URL} | ({"REDIS_URL": REDIS_URL} if redis_answers() else {})
    print(f"Again on {' and '.join(servers)} ...", flush=True)
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, **servers, "AGENTDESK_DATA": data}
        pytest = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadscope", "-m", "not browser"]
        codes = [
            subprocess.run(
                [*pytest, *(f"tests/{folder}" for folder in folders)], env=environment, check=False
            ).returncode
            for folders in ROUNDS
        ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())

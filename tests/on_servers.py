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
FOLDERS = ["flows", "races", "tools", "tasks", "approvals", "events", "live", "api"]


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
    folders = [f"tests/{folder}" for folder in FOLDERS]
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, **servers, "AGENTDESK_DATA": data}
        pytest = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "2",
            "--dist",
            "loadscope",
            "-m",
            "not browser",
            *folders,
        ]
        return subprocess.run(pytest, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""Settings, all from the environment; a value that makes no sense stops the start with a sentence that says why.

Every variable is described in agentdesk/docs/operations.md.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from agentdesk.core.secret import secret_key
from agentdesk.core.settings import choice, flag, names, read, safe_url, time_zone, url, whole

ENV = os.environ
BASE_DIR = Path(__file__).resolve().parent.parent

DATA_DIR = read(ENV, "AGENTDESK_DATA", BASE_DIR / "var", lambda raw: Path(raw).expanduser().resolve())
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEMO = read(ENV, "AGENTDESK_DEMO", default=False, parse=flag)
DEMO_PASSWORD = read(ENV, "AGENTDESK_DEMO_PASSWORD", "agentdesk", str)
DEBUG = read(ENV, "AGENTDESK_DEBUG", default=False, parse=flag)
HOST = read(ENV, "AGENTDESK_HOST", "127.0.0.1", str)
PORT = read(ENV, "PORT", 8000, whole(1, 65_535))
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
ALLOWED_HOSTS = read(ENV, "AGENTDESK_ALLOWED_HOSTS", sorted(LOOPBACK - {"::1"} | {"[::1]"}), names)
if DEMO and (HOST not in LOOPBACK or set(ALLOWED_HOSTS) - LOOPBACK - {"[::1]"}):
    raise ImproperlyConfigured(
        "AGENTDESK_DEMO=1 has accounts with a known password, so it only runs on loopback. "
        "Unset AGENTDESK_DEMO, or leave AGENTDESK_HOST and AGENTDESK_ALLOWED_HOSTS at 127.0.0.1."
    )
HTTPS = read(ENV, "AGENTDESK_HTTPS", default=False, parse=flag)
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS] if HTTPS else []

SECRET_KEY = read(ENV, "AGENTDESK_SECRET_KEY", "", str) or secret_key(DATA_DIR)
SECRET_KEY_FALLBACKS: list[str] = read(ENV, "AGENTDESK_OLD_SECRET_KEYS", [], names)

# What thinks, what is asked ------------------------------------------------------------------------------------
OPENAI_API_KEY = read(ENV, "OPENAI_API_KEY", "", str)
OPENAI_BASE_URL = read(ENV, "OPENAI_BASE_URL", "", url("http", "https"))
MODEL = read(ENV, "AGENTDESK_MODEL", "gpt-5.2" if OPENAI_API_KEY or OPENAI_BASE_URL else "offline", str)
MODEL_API = read(ENV, "AGENTDESK_MODEL_API", "responses", choice("responses", "chat"))
REASONING_SUMMARY = read(ENV, "AGENTDESK_REASONING_SUMMARY", "", choice("", "auto", "concise", "detailed"))
MODEL_SILENCE_SECONDS = read(ENV, "AGENTDESK_MODEL_TIMEOUT", 60, whole(1, 3600))
MAX_COST_CENTS_PER_DAY = read(ENV, "AGENTDESK_MAX_COST_PER_DAY", 0, whole(0, 1_000_000_000))
MAX_TOKENS_PER_DAY = read(ENV, "AGENTDESK_MAX_TOKENS_PER_DAY", 0, whole(0, 10**12))
OFFLINE_PACE_MS = read(ENV, "AGENTDESK_OFFLINE_PACE_MS", 8 if DEMO else 0, whole(0, 10_000))
EXTRA_TOOLSETS: list[str] = read(ENV, "AGENTDESK_EXTRA_TOOLSETS", [], names)
AGENTDESK_TOOLSETS = [
    "tools.planning",
    "tools.store",
    "tools.library",
    "tools.messages",
    "tools.people",
    "tools.delegation",
    *EXTRA_TOOLSETS,
]
PAYMENTS = read(ENV, "AGENTDESK_PAYMENTS", "ledger", choice("ledger", "stripe"))
PAYMENT_TIMEOUT_SECONDS = read(ENV, "AGENTDESK_PAYMENT_TIMEOUT", 20, whole(1, 120))
STRIPE_API_KEY = read(ENV, "STRIPE_API_KEY", "", str)
STRIPE_LIVE = read(ENV, "AGENTDESK_STRIPE_LIVE", default=False, parse=flag)
STRIPE_URL = read(ENV, "AGENTDESK_STRIPE_URL", "https://api.stripe.com", safe_url)
if STRIPE_API_KEY.startswith(("sk_live", "rk_live")) and not STRIPE_LIVE:
    raise ImproperlyConfigured(
        "STRIPE_API_KEY is a live key, so refunds would move real money. "
        "Use a test key (sk_test_…), or set AGENTDESK_STRIPE_LIVE=1 if that is what you want."
    )
WORKER_TASKS_IN_FLIGHT = read(ENV, "AGENTDESK_TASKS_IN_FLIGHT", 50, whole(1, 500))

# Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",
    "agentdesk.desk.admin_site.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "channels",
    "django_htmx",
    "django_q",
    "ninja",
    "agentdesk.core",
    "agentdesk.events",
    "agentdesk.roster",
    "agentdesk.brakes",
    "tasks",
    "tools",
    *AGENTDESK_TOOLSETS,
    "approvals",
    "agentdesk.runtime",
    "agentdesk.desk",
    "agentdesk.live",
    "agentdesk.api",
]
MIDDLEWARE = [
    "agentdesk.desk.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "agentdesk.desk.errors.DeskErrorMiddleware",
]
ROOT_URLCONF = "agentdesk.urls"
ASGI_APPLICATION = "agentdesk.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "agentdesk.desk.context.desk",
            ],
            "builtins": ["django.templatetags.static", "agentdesk.desk.templatetags.desk"],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "/accounts/login/", "/", "/accounts/login/"
LANGUAGE_CODE, USE_I18N, USE_TZ = "en", True, True
TIME_ZONE = read(ENV, "AGENTDESK_TIME_ZONE", "UTC", time_zone)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

STATIC_URL, STATIC_ROOT = "/static/", DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

SESSION_COOKIE_HTTPONLY, SESSION_COOKIE_SAMESITE, CSRF_COOKIE_SAMESITE = True, "Lax", "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes speak plain HTTP to the process itself
SECURE_REFERRER_POLICY, SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin", "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "agentdesk.desk.errors.lost_token"

# Database, queue, channel layer ------------------------------------------------------------------------------------
SQLITE = {
    "ENGINE": "agentdesk.core.sqlite3",
    "NAME": DATA_DIR / "agentdesk.sqlite3",
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "cached_statements": 512,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
    },
}
DATABASE_URL = read(ENV, "DATABASE_URL", "", url("postgres", "postgresql"))
WORKER = sys.argv[1:2] == ["work"]
"""Workers keep their connection; a web process under ASGI would keep one a thread."""
POSTGRES = environ.Env.db_url_config(DATABASE_URL) if DATABASE_URL else {}
POSTGRES_OPTIONS = {
    # a server that is gone without a word is noticed within seconds, not after the kernel's two hours
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # a worker gives up a lock before its tool's deadline, and its own locks when somebody stopped it
    **({"options": "-c lock_timeout=4s -c idle_in_transaction_session_timeout=15s"} if WORKER else {}),
}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **POSTGRES,
        "CONN_MAX_AGE": 60 if WORKER else 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**POSTGRES_OPTIONS, **POSTGRES.get("OPTIONS", {})},
    }
    if DATABASE_URL
    else SQLITE
}
Q_CLUSTER = {
    "name": "agentdesk",
    "orm": "default",
    "workers": read(ENV, "AGENTDESK_WORKERS", 1, whole(1, 64)),
    "queue_limit": 1,
    "timeout": 300,
    "retry": 1000,
    "ack_failures": True,
    "max_attempts": 0,
    "save_limit": -1,
    "poll": 0.05,
    "catch_up": False,
    "recycle": 100,
    "label": "Queue",
    "log_level": "WARNING",
}
REDIS_URL = read(ENV, "REDIS_URL", "", url("redis", "rediss", "unix"))
REDIS_PREFIX = read(ENV, "AGENTDESK_REDIS_PREFIX", "agentdesk", str)
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": REDIS_PREFIX},
    }
    if REDIS_URL
    else {"BACKEND": "agentdesk.events.channel_layer.DatabaseChannelLayer"}
}

# Mail, logs ----------------------------------------------------------------------------------------------------------
EMAIL_URL = read(ENV, "EMAIL_URL", "consolemail://", url(*environ.Env.EMAIL_SCHEMES))
vars().update(environ.Env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = read(ENV, "AGENTDESK_FROM_EMAIL", "AgentDesk <desk@localhost>", str)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "agentdesk.core.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": read(ENV, "AGENTDESK_LOG_FORMAT", "plain", choice("plain", "json")),
        }
    },
    "root": {
        "handlers": ["stderr"],
        "level": read(ENV, "AGENTDESK_LOG_LEVEL", "INFO", choice("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "django-q": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
    },
}

"""Log lines as JSON, with what looks like a card number or a key blotted out."""

from __future__ import annotations

import json
import logging
import re

_SECRETS = re.compile(r"\b(?:[sr]k[-_][\w-]{8,}|Bearer\s+\S{8,}|(?:\d[ -]?){13,19})\b")


def blotted(text: str) -> str:
    return _SECRETS.sub("[withheld]", text)


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": blotted(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = blotted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)

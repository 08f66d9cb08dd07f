"""A small plenary chat server of Django, Channels and Daphne: accounts, an event page, rooms over WebSocket.

By hand, in a virtual environment with requirements.txt, from this directory:

    PLENARY_DIR=/tmp daphne -b 127.0.0.1 -p 8000 asgi:application

Everything that a test varies is an environment variable, read here and nowhere else.
"""

import os
from pathlib import Path

# Where the database and the log are: a restarted server finds its accounts and sessions again.
PLENARY_DIR = Path(os.environ.get("PLENARY_DIR", "."))
# Log of joins, leaves, chats and deliveries, a JSON object a line; see journal.py. None: nothing is written.
PLENARY_LOG = os.environ.get("PLENARY_LOG")
# The events that exist.
PLENARY_SLUGS = os.environ.get("PLENARY_SLUGS", "test,other").split(",")
# Quotes around attributes in forms: `double`, as Django renders them today, or `single`, as it once did.
PLENARY_QUOTES = os.environ.get("PLENARY_QUOTES", "double")
# Connections that one plenary takes; 0 is no limit.
PLENARY_MAX_PARTICIPANTS = int(os.environ.get("PLENARY_MAX_PARTICIPANTS", "0"))
# Breakouts of each plenary that can be joined (a proposal and a random one come on top), and users that each takes.
PLENARY_BREAKOUTS = int(os.environ.get("PLENARY_BREAKOUTS", "5"))
PLENARY_MAX_ATTENDEES = int(os.environ.get("PLENARY_MAX_ATTENDEES", "10"))
# Whether `breakouts_open` is set.
PLENARY_BREAKOUTS_OPEN = os.environ.get("PLENARY_BREAKOUTS_OPEN", "1") == "1"

# Of so many chats that are to be written to a socket, one is not: a server that loses some. 0 is none.
PLENARY_DROP_EVERY = int(os.environ.get("PLENARY_DROP_EVERY", "0"))

BASE_DIR = Path(__file__).parent
# Known to all, and the same after a restart: this server is for tests.
SECRET_KEY = "the secret of a server for tests"
DEBUG = False
# Tests reach it under any name.
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
    }
]
ROOT_URLCONF = "urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": PLENARY_DIR / "plenary.sqlite3",
        "OPTIONS": {
            # Writers wait for each other instead of failing, and nothing waits for the disk.
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
        },
    }
}
# A slow hash would be all that a sign-up costs, and the tests do not measure it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "/accounts/login/"
TIME_ZONE = "UTC"
# 1 000 messages may wait for one socket: a join storm of as many users.
CHANNEL_LAYERS = {"default": {"BACKEND": "layer.Layer", "CONFIG": {"capacity": 1000}}}
LOGGING = {"version": 1, "disable_existing_loggers": False}

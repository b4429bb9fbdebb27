"""What the buildpack says."""

import sys


def say(text):
    print(text, flush=True)


def fail(message, hint):
    print(f"ERROR: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(1)

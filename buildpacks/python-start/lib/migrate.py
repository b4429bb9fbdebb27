"""Brings the database up to date before the web process starts: BP_DJANGO_MIGRATE_ON_START at build."""

import os
import subprocess
import sys

COMMAND = @command@

os.close(3)
sys.exit(subprocess.run(COMMAND).returncode)

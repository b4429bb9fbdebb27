"""How many workers, and on which port: written to descriptor 3 as the launcher wants it.

What the user sets wins. Otherwise processors and memory are those that the container may use.
"""

import math
import os
import sys

SERVER = "@server@"
MEMORY_OF_A_WORKER = 128 << 20
MOST = 12


def read(*paths):
    for path in paths:
        try:
            with open(path) as file:
                return file.read().split()
        except OSError:
            continue
    return []


def processors():
    there = len(os.sched_getaffinity(0))
    limit = read("/sys/fs/cgroup/cpu.max")
    if not limit:
        limit = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") + read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    try:
        quota, period = int(limit[0]), int(limit[1])
    except (IndexError, ValueError):
        return there
    return max(1, min(there, math.ceil(quota / period))) if quota > 0 else there


def memory():
    limit = read("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    return int(limit[0]) if limit and limit[0].isdigit() else sys.maxsize


def main():
    wanted = {}
    if not os.environ.get("WEB_CONCURRENCY"):
        count = processors()
        # Workers of gunicorn wait for one request at a time, those of uvicorn for many.
        count = 2 * count + 1 if SERVER == "gunicorn" else count
        wanted["WEB_CONCURRENCY"] = str(max(1, min(count, memory() // MEMORY_OF_A_WORKER, MOST)))
    if SERVER == "uvicorn" and not os.environ.get("UVICORN_PORT"):
        wanted["UVICORN_PORT"] = os.environ.get("PORT", "8080")
    port = wanted.get("UVICORN_PORT", "")
    if not port.isdigit() and port:
        sys.exit(f"ERROR: PORT is \"{port}\": expected a number")
    with os.fdopen(3, "w") as answer:
        for name, value in wanted.items():
            answer.write(f'{name} = "{value}"\n')


main()

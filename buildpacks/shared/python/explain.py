"""Why did pip fail? Its long log and the file with the requirements give message and remedy.

    explain.py LOG FILE
"""

import os
import re
import sys

from report import line_of_name

REGISTRY = "check that the build may use the network, and the registry: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL or pip.conf, and its certificate (SSL_CERT_FILE, PIP_CERT)"


def named_in(path, name):
    return line_of_name(path, name) if os.path.isfile(path) else path


def reason(log, path):
    match = re.search(r"No matching distribution found for (?P<wanted>[^\s(]+)", log)
    unreachable = re.search(r"NewConnectionError|ConnectTimeout|Read timed out|Max retries exceeded|Connection refused|ProxyError|SSLError|Temporary failure in name resolution|Name or service not known|connection error:", log)
    denied = re.search(r"\b(401|403) (Client Error|Unauthorized|Forbidden)|HTTP error (401|403)", log)
    if denied:
        return "the registry of Python packages refuses access", "give its credentials to the build by a binding of type pip with a pip.conf, or by PIP_INDEX_URL"
    if unreachable:
        return "the registry of Python packages could not be reached", REGISTRY
    if match:
        name = re.split(r"[=<>!~;\[]", match["wanted"])[0]
        known = re.search(r"\(from versions: (?P<all>[^)]*)\)", log)
        versions = known["all"].split(", ")[-6:] if known and known["all"] != "none" else []
        there = f"; the newest are {', '.join(versions)}" if versions else "; the registry has none for this Python and machine"
        return f'{named_in(path, name)}: no version satisfies "{match["wanted"]}"{there}', "correct the version, or the registry (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL)"
    match = re.search(r"THESE PACKAGES DO NOT MATCH THE HASHES.*?\n\s+(?P<wanted>[A-Za-z0-9][\w.-]*)", log, re.S)
    if match:
        wanted, got = re.search(r"Expected sha\d+\s+(\w+)", log), re.search(r"Got\s+(\w+)", log)
        figures = f": expected {wanted[1]}, got {got[1]}" if wanted and got else ""
        return f"{named_in(path, match['wanted'])}: {match['wanted']} does not match its hash{figures}", "the registry has another file than the one that was locked; try again, check the registry, or make the lock anew"
    if "require-hashes mode" in log:
        match = re.search(r"^\s+(?P<wanted>[A-Za-z0-9][\w.-]*)(?:==| from )\S+ --hash", log, re.M)
        name = match["wanted"] if match else "a package that another one requires"
        return f"{path}: {name} has no hash, but others have", 'write them all with hashes: "pip-compile --generate-hashes" or "uv pip compile --generate-hashes"'
    if "Invalid requirement" in log:
        match = re.search(r"\(from line (\d+) of (.*?)\)", log)
        place = f"{os.path.relpath(match[2])}:{match[1]}" if match else path
        return f"{place}: this is no requirement", "write it as flask==3.0.0, for example"
    if "ResolutionImpossible" in log or "conflicting dependencies" in log:
        return f"{path}: the versions that are asked for contradict each other", "pip's own explanation is above; loosen one of them"
    if re.search(r"Python\.h: No such file|error: command '.*gcc|Failed building wheel|subprocess-exited-with-error", log):
        return f"{path}: a package had to be compiled, and that failed", 'the compiler\'s own message is above; headers come from Debian packages: write "python3-dev" and what else it lacks into a file Aptfile, or take a version that has a wheel'
    return f"pip could not install what {path} asks for", "pip's own message is above"


def main():
    log_path, path = sys.argv[1:]
    with open(log_path, encoding="utf-8", errors="replace") as file:
        # Every line of it begins with a time.
        log = re.sub(r"^\d{4}-\d\d-\d\dT[\d:,]+ ", "", file.read(), flags=re.M)
    message, hint = reason(log, path)
    print(f"ERROR: {message}\nhint: {hint}", file=sys.stderr)


main()

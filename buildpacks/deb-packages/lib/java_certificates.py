"""Writes the certificates of a bundle of PEMs as a Java key store without a password: BUNDLE STORE."""

import base64
import hashlib
import re
import struct
import sys


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def main(bundle: str, store: str) -> None:
    with open(bundle, encoding="ascii", errors="replace") as file:
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", file.read(), re.DOTALL)
    certificates = [base64.b64decode(block) for block in blocks]
    # Magic number and version of the form "JKS"; the time is fixed, so that the same bundle gives the same file.
    data = struct.pack(">III", 0xFEEDFEED, 2, len(certificates))
    for der in certificates:
        alias = "debian:" + hashlib.sha256(der).hexdigest()[:16]
        data += struct.pack(">I", 2) + text(alias) + struct.pack(">Q", 315532801000) + text("X.509")
        data += struct.pack(">I", len(der)) + der
    # Java checks this with the password that all of its own stores have.
    seal = hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + data).digest()
    with open(store, "wb") as file:
        file.write(data + seal)


main(sys.argv[1], sys.argv[2])

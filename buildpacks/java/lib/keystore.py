"""Makes a Java key store (form JKS) of the certificates in a bundle of PEMs: BUNDLE STORE.

The same bundle gives the same bytes: the only time in it is fixed, and entries are in the bundle's order. The store is
sealed with the password that the JDK's own has, so that Java reads it without being told one.
"""

import base64
import binascii
import hashlib
import re
import struct
import sys

SEAL = "changeit".encode("utf-16-be") + b"Mighty Aphrodite"
WHEN = struct.pack(">Q", 315532801000)
TRUSTED = struct.pack(">I", 2)


def short(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def entry(der):
    return TRUSTED + short(hashlib.sha256(der).hexdigest()) + WHEN + short("X.509") + struct.pack(">I", len(der)) + der


def main(bundle, store):
    with open(bundle, encoding="ascii", errors="replace") as file:
        blocks = re.findall("-----BEGIN (?:TRUSTED )?CERTIFICATE-----([^-]*)-----END", file.read())
    try:
        certificates = list(dict.fromkeys(base64.b64decode("".join(block.split()), validate=True) for block in blocks))
    except binascii.Error as error:
        print(f"ERROR: {bundle} is no bundle of certificates: {error}", file=sys.stderr)
        print("hint: expected certificates in PEM; SSL_CERT_FILE names this file", file=sys.stderr)
        sys.exit(1)
    data = struct.pack(">III", 0xFEEDFEED, 2, len(certificates)) + b"".join(map(entry, certificates))
    with open(store, "wb") as file:
        file.write(data + hashlib.sha1(SEAL + data).digest())


main(*sys.argv[1:])

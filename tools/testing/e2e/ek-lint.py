#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate of an endorsement key, field by field against the TCG EK
Credential Profile for TPM 2.0, by a parser of its own.

usage: ek-lint.py TYPE CERTIFICATE.der PUBLIC-KEY.der ISSUING.der [AIA CRL]

Prints what is wrong, and fails then.
"""
import sys

OIDS = {
    "2.5.29.19": "basicConstraints", "2.5.29.15": "keyUsage",
    "2.5.29.37": "extKeyUsage", "2.5.29.17": "subjectAltName",
    "2.5.29.9": "subjectDirectoryAttributes",
    "2.5.29.35": "authorityKeyIdentifier", "2.5.29.14": "subjectKeyIdentifier",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
    "2.5.29.31": "cRLDistributionPoints",
}
SEQUENCE, SET, OID, UTF8, INTEGER, BOOLEAN = 0x30, 0x31, 6, 0x0c, 2, 1
WRONG = []


def wrong(what):
    WRONG.append(what)


def want(what, got, expected):
    if got != expected:
        wrong(f"{what} is {got!r}, not {expected!r}")


class Node:
    """One element of DER, which has to be the shortest form of itself."""

    def __init__(self, data, at=0):
        self.start, self.tag = at, data[at]
        length, head = data[at + 1], 2
        if length & 0x80:
            n = length & 0x7f
            length = int.from_bytes(data[at + 2:at + 2 + n], "big")
            head = 2 + n
            if n == 0 or length < 0x80 or data[at + 2] == 0:
                raise ValueError("length is not DER")
        self.end = at + head + length
        if self.end > len(data):
            raise ValueError("longer than what is there")
        self.value = data[at + head:self.end]
        self.raw = data[at:self.end]

    def items(self):
        out, at = [], 0
        while at < len(self.value):
            out.append(Node(self.value, at))
            at = out[-1].end
        return out

    def oid(self):
        assert self.tag == OID
        out, n = [], 0
        for byte in self.value:
            n = n << 7 | byte & 0x7f
            if not byte & 0x80:
                out.append(n)
                n = 0
        first = min(out[0] // 40, 2)
        return ".".join(map(str, [first, out[0] - 40 * first] + out[1:]))


def whole(data):
    node = Node(data)
    if node.end != len(data):
        wrong("there is something behind the certificate")
    return node


def extensions(tbs):
    out = {}
    for ext in tbs[-1].items()[0].items():
        parts = ext.items()
        critical = len(parts) == 3
        if critical:
            want("a critical flag", parts[1].raw, b"\x01\x01\xff")
        name = OIDS.get(parts[0].oid(), parts[0].oid())
        if name in out:
            wrong(f"{name} is there twice")
        out[name] = (critical, parts[-1].value)
    return out


def check_san(value):
    names = whole(value).items()
    want("the number of subjectAltNames", len(names), 1)
    want("the form of the name", names[0].tag, 0xa4)
    got = {}
    for rdn in names[0].items()[0].items():
        want("a tag of an RDN", rdn.tag, SET)
        for pair in rdn.items():
            key, text = pair.items()
            want("the type of a text", text.tag, UTF8)
            got[key.oid()] = text.value.decode()
    want("the TPM in subjectAltName", got, {
        "2.23.133.2.1": "id:49424D00", "2.23.133.2.2": "SW   TPM",
        "2.23.133.2.3": got.get("2.23.133.2.3")})
    version = got.get("2.23.133.2.3", "")
    if len(version) != 11 or not version.startswith("id:"):
        wrong(f"the TPM's version is {version!r}")


def check_specification(value):
    attribute, = whole(value).items()
    kind, values = attribute.items()
    want("the attribute", kind.oid(), "2.23.133.2.16")
    want("its values", values.tag, SET)
    spec, = values.items()
    family, level, revision = spec.items()
    want("family", (family.tag, family.value), (UTF8, b"2.0"))
    want("level", (level.tag, level.value), (INTEGER, b"\0"))
    want("the tag of the revision", revision.tag, INTEGER)
    if not 138 <= int.from_bytes(revision.value, "big") <= 999:
        wrong(f"revision {revision.value.hex()}")


def key_identifier(issuing):
    ext = extensions(Node(issuing).items()[0].items())
    return Node(ext["subjectKeyIdentifier"][1]).value


def check_extensions(ext, kind, issuing, urls):
    usage = b"\x03\x02\x05\x20" if kind == "rsa2048" else b"\x03\x02\x03\x08"
    want("basicConstraints", ext.get("basicConstraints"), (True, b"0\0"))
    want("keyUsage", ext.get("keyUsage"), (True, usage))
    want("extKeyUsage", ext.get("extKeyUsage"),
         (False, bytes.fromhex("300706056781050801")))
    critical, san = ext["subjectAltName"]
    want("subjectAltName critical", critical, True)
    check_san(san)
    critical, spec = ext["subjectDirectoryAttributes"]
    want("subjectDirectoryAttributes critical", critical, False)
    check_specification(spec)
    critical, aki = ext["authorityKeyIdentifier"]
    want("authorityKeyIdentifier critical", critical, False)
    want("its key", Node(aki).items()[0].value, key_identifier(issuing))
    names = {"basicConstraints", "keyUsage", "extKeyUsage", "subjectAltName",
             "subjectDirectoryAttributes", "authorityKeyIdentifier"}
    if urls:
        names |= {"authorityInfoAccess", "cRLDistributionPoints"}
        access, = whole(ext["authorityInfoAccess"][1]).items()
        method, where = access.items()
        want("AIA", (method.oid(), where.tag, where.value),
             ("1.3.6.1.5.5.7.48.2", 0x86, urls[0].encode()))
        crl = ext["cRLDistributionPoints"][1]
        if crl.count(urls[1].encode()) != 1:
            wrong("the URL of the CRL")
    want("the extensions", set(ext), names)


def check(kind, der, public, issuing, urls):
    cert = whole(der).items()
    tbs = cert[0].items()
    want("the number of fields", len(tbs), 8)
    want("the version", tbs[0].raw, bytes.fromhex("a003020102"))
    serial = tbs[1].value
    if serial[0] & 0x80 or not 12 <= len(serial.lstrip(b"\0")) <= 16:
        wrong(f"the serial number {serial.hex()} is not 128 bits, positive")
    want("the algorithm of the signature", tbs[2].raw, cert[1].raw)
    issuer = Node(issuing).items()[0].items()
    want("the issuer", tbs[3].raw, issuer[5].raw)
    start, end = tbs[4].items()
    want("the tag of notBefore", start.tag, 0x17)
    want("notAfter", (end.tag, end.value), (0x18, b"99991231235959Z"))
    want("the subject", tbs[5].raw, b"0\0")
    want("the public key", tbs[6].raw, public)
    want("the tag of the extensions", tbs[7].tag, 0xa3)
    check_extensions(extensions(tbs), kind, issuing, urls)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    kind = sys.argv[1]
    try:
        check(kind, *map(read, sys.argv[2:5]), sys.argv[5:7])
    except (ValueError, IndexError, KeyError, AssertionError) as e:
        wrong(f"it does not parse: {e!r}")
    for line in WRONG:
        print(line)
    return 1 if WRONG else 0


sys.exit(main())

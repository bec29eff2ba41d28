"""A certificate for ``localhost``, made when the tests run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import ssl

_PEM: Final = 1  # as OpenSSL numbers the formats of files


@cache
def certificate() -> Any:
    """A self-signed certificate with its key, as Twisted has them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return ssl.PrivateCertificate.loadPEM(
        made.public_bytes(pem) + key.private_bytes(pem, form, plain)
    )


def files(directory: Path) -> tuple[str, str]:
    """The key and the certificate in files of a directory: their paths."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    key.write_bytes(certificate().privateKey.dump(_PEM))
    cert.write_bytes(certificate().dumpPEM())
    return str(key), str(cert)


def serverOptions() -> Any:
    """What a server starts TLS with."""
    return certificate().options()


def clientOptions() -> Any:
    """What a client starts TLS with: it trusts that certificate and no other."""
    trusted = ssl.Certificate.loadPEM(certificate().dumpPEM())
    return ssl.optionsForClientTLS("localhost", trustRoot=trusted)

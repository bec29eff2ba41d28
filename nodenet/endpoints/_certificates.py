"""Keys and certificates in files, for the two ends of TLS.

Law: what cannot be used is a `CertificateError` that names the option. pyOpenSSL is imported when
the first of this is needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypedDict, TypeVar

from twisted.python.filepath import FilePath

from nodenet.endpoints._openssl import reasonOf
from nodenet.options import TEXT, Option, checkString

_T = TypeVar("_T")

_PEM: Final = 1  # OpenSSL.crypto.FILETYPE_PEM
_CERTIFICATE: Final = re.compile(
    b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


class CertificateError(ValueError):
    """A file holds no key or certificate that can be used, or cannot be read.

    Attributes:
        option: The option that names it.
    """

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}")
        self.option = option


class ServerCertificateOptions(TypedDict, total=False):
    """With what a server shows who it is; the names are those of Twisted's ``ssl:``."""

    privateKey: Annotated[
        str,
        Option(
            default="server.pem",
            check=checkString,
            string=TEXT,
            node=False,
            doc="The file of the private key, in PEM.",
        ),
    ]
    certKey: Annotated[
        str | None,
        Option(
            check=checkString,
            string=TEXT,
            node=False,
            doc="The file of the certificate, in PEM; by default that of the key.",
        ),
    ]
    extraCertChain: Annotated[
        str | None,
        Option(
            check=checkString,
            string=TEXT,
            node=False,
            doc="The file of the certificates between the server's and a trusted one.",
        ),
    ]
    dhParameters: Annotated[
        str | None,
        Option(
            check=checkString,
            string=TEXT,
            node=False,
            doc="The file of parameters for Diffie-Hellman key exchange.",
        ),
    ]
    sslmethod: Annotated[
        str | None,
        Option(
            check=checkString,
            string=TEXT,
            node=False,
            doc="A method of pyOpenSSL's, such as ``TLSv1_2_METHOD``, for that version alone.",
        ),
    ]


class ClientCertificateOptions(TypedDict, total=False):
    """Whom a client trusts and who it is; the names are those of Twisted's ``tls:``."""

    trustRoots: Annotated[
        str | None,
        Option(
            check=checkString,
            string=TEXT,
            node=False,
            doc="A file of trusted certificates, or a directory of such (``*.pem``).",
        ),
    ]
    certificate: Annotated[
        str | None,
        Option(
            check=checkString, string=TEXT, node=False, doc="The file of the client's certificate."
        ),
    ]
    privateKey: Annotated[
        str | None,
        Option(check=checkString, string=TEXT, node=False, doc="The file of the client's key."),
    ]


def serverContext(options: Mapping[str, Any]) -> Any:
    """What Twisted's TLS starts a server with, of `ServerCertificateOptions`.

    Raises:
        CertificateError: A file cannot be read or used.
    """
    ssl = _ssl("privateKey")
    key = options.get("privateKey", "server.pem")
    option = "certKey" if "certKey" in options else "privateKey"
    own = _pair(option, options.get("certKey", key), "privateKey", key)
    further: dict[str, Any] = {}
    if "extraCertChain" in options:
        chain = _certificates("extraCertChain", options["extraCertChain"])
        further["extraCertChain"] = [certificate.original for certificate in chain]
    if "dhParameters" in options:
        path = options["dhParameters"]
        if b"BEGIN DH PARAMETERS" not in _content("dhParameters", path):
            raise CertificateError("dhParameters", f"{path} has no DH parameters in PEM")
        further["dhParameters"] = ssl.DiffieHellmanParameters.fromFile(FilePath(path))
    if "sslmethod" in options:
        name = options["sslmethod"]
        method = getattr(ssl.SSL, name, None) if name.endswith("_METHOD") else None
        if method is None:
            raise CertificateError("sslmethod", f"pyOpenSSL has no {name}, but TLSv1_2_METHOD")
        further["method"] = method
    made = ssl.CertificateOptions(own.privateKey.original, own.original, **further)
    # Made here, where it is known which options are to blame.
    _loaded(option, options.get("certKey", key), made.getContext)
    return made


def clientContext(host: str, options: Mapping[str, Any]) -> Any:
    """What Twisted's TLS connects to `host` with, of `ClientCertificateOptions`.

    Raises:
        CertificateError: A file cannot be read or used.
    """
    ssl = _ssl("host")
    trusted = own = None
    if "trustRoots" in options:
        trusted = ssl.trustRootFromCertificates(_certificates("trustRoots", options["trustRoots"]))
    if "certificate" in options:
        key = options.get("privateKey", options["certificate"])
        keyOption = "privateKey" if "privateKey" in options else "certificate"
        own = _pair("certificate", options["certificate"], keyOption, key)
    elif "privateKey" in options:
        raise CertificateError("privateKey", "there is no certificate for it")
    return _loaded(
        "host", host, lambda: ssl.optionsForClientTLS(host, trusted, clientCertificate=own)
    )


def _ssl(option: str) -> Any:
    try:
        from twisted.internet import ssl
    except ImportError:
        raise CertificateError(option, "TLS needs pyOpenSSL: install nodenet[tls]") from None
    return ssl


def _pair(option: str, certificate: str, keyOption: str, key: str) -> Any:
    """A certificate with its key."""
    ssl = _ssl(option)
    pem = _content(keyOption, key)
    if b"ENCRYPTED" in pem:
        raise CertificateError(keyOption, f"{key} is encrypted; nobody is asked for its password")
    pair = _loaded(keyOption, key, lambda: ssl.KeyPair.load(pem, _PEM))
    pem = _content(option, certificate)
    own = _loaded(option, certificate, lambda: ssl.Certificate.loadPEM(pem))
    join = ssl.PrivateCertificate.fromCertificateAndKeyPair
    return _loaded(option, certificate, lambda: join(own, pair))


def _certificates(option: str, path: str) -> list[Any]:
    """All certificates of a file, or of the ``*.pem`` of a directory."""
    ssl = _ssl(option)
    files = sorted(Path(path).glob("*.pem")) if os.path.isdir(path) else [Path(path)]
    found = [pem for file in files for pem in _CERTIFICATE.findall(_content(option, str(file)))]
    if not found:
        raise CertificateError(option, f"{path} has no certificates in PEM")
    return _loaded(option, path, lambda: [ssl.Certificate.loadPEM(pem) for pem in found])


def _content(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CertificateError(option, f"cannot read {path}: {reason}") from None


def _loaded(option: str, path: str, load: Callable[[], _T]) -> _T:
    try:
        return load()
    except CertificateError:
        raise
    except Exception as error:  # OpenSSL's own, and whatever is raised around it
        raise CertificateError(option, f"{path} cannot be used: {reasonOf(error)}") from None

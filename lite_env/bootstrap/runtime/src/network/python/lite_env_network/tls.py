"""What clients need of `ssl` where TLS is the host's: it checks certificates, and nothing here makes it check less."""

from __future__ import annotations

import enum
import socket as socket_module
from collections import namedtuple
from typing import Any

from lite_env_network.errors import no_sockets


class SSLError(OSError):
    """An error of TLS."""

    library: str | None = None
    reason: str | None = None


class SSLZeroReturnError(SSLError):
    """Never raised here."""


class SSLWantReadError(SSLError):
    """Never raised here."""


class SSLWantWriteError(SSLError):
    """Never raised here."""


class SSLSyscallError(SSLError):
    """Never raised here."""


class SSLEOFError(SSLError):
    """Never raised here."""


class SSLCertVerificationError(SSLError, ValueError):
    """The host does not trust the server's certificate."""

    verify_code = 0
    verify_message = ""


CertificateError = SSLCertVerificationError
socket_error = OSError


class VerifyMode(enum.IntEnum):
    """As Python's."""

    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class TLSVersion(enum.IntEnum):
    """As Python's."""

    MINIMUM_SUPPORTED = -2
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class VerifyFlags(enum.IntFlag):
    """As Python's."""

    VERIFY_DEFAULT = 0
    VERIFY_CRL_CHECK_LEAF = 0x4
    VERIFY_CRL_CHECK_CHAIN = 0xC
    VERIFY_X509_STRICT = 0x20
    VERIFY_X509_TRUSTED_FIRST = 0x8000
    VERIFY_X509_PARTIAL_CHAIN = 0x80000


class Options(enum.IntFlag):
    """As Python's."""

    OP_ALL = 0x80000050
    OP_LEGACY_SERVER_CONNECT = 0x4
    OP_ENABLE_KTLS = 0x8
    OP_NO_SSLv2 = 0
    OP_NO_SSLv3 = 0x2000000
    OP_NO_TLSv1 = 0x4000000
    OP_NO_TLSv1_1 = 0x10000000
    OP_NO_TLSv1_2 = 0x8000000
    OP_NO_TLSv1_3 = 0x20000000
    OP_NO_COMPRESSION = 0x20000
    OP_NO_TICKET = 0x4000
    OP_NO_RENEGOTIATION = 0x40000000
    OP_CIPHER_SERVER_PREFERENCE = 0x400000
    OP_SINGLE_DH_USE = 0
    OP_SINGLE_ECDH_USE = 0
    OP_IGNORE_UNEXPECTED_EOF = 0x80
    OP_ENABLE_MIDDLEBOX_COMPAT = 0x100000


class Purpose(enum.Enum):
    """As Python's."""

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


class _Method(enum.IntEnum):
    PROTOCOL_TLS = 2
    PROTOCOL_TLSv1 = 3
    PROTOCOL_TLSv1_1 = 4
    PROTOCOL_TLSv1_2 = 5
    PROTOCOL_TLS_CLIENT = 16
    PROTOCOL_TLS_SERVER = 17


for _enum in (VerifyMode, VerifyFlags, Options, _Method):
    globals().update(_enum.__members__)
PROTOCOL_TLS = PROTOCOL_SSLv23 = _Method.PROTOCOL_TLS
CERT_REQUIRED = VerifyMode.CERT_REQUIRED

HAS_SNI = HAS_ALPN = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_NEVER_CHECK_COMMON_NAME = HAS_ECDH = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = False
OPENSSL_VERSION = "OpenSSL 3.0.0 (in its place the TLS of whoever sends the kernel's requests)"
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
CHANNEL_BINDING_TYPES: list[str] = []
SSL_ERROR_WANT_READ = 2
SSL_ERROR_WANT_WRITE = 3
SSL_ERROR_SYSCALL = 5
SSL_ERROR_ZERO_RETURN = 6
SSL_ERROR_EOF = 8

DefaultVerifyPaths = namedtuple(  # noqa: PYI024 - as Python's
    "DefaultVerifyPaths",
    "cafile capath openssl_cafile_env openssl_cafile openssl_capath_env openssl_capath",
)


class SSLSession:
    """For `isinstance` only."""


class SSLSocket:
    """For `isinstance` only: a socket with TLS is the same socket."""


class SSLObject:
    """TLS over memory, which the host does not offer."""

    def __init__(self, *_: object, **__: object) -> None:
        raise no_sockets("TLS over memory")


class MemoryBIO(SSLObject):
    """TLS over memory, which the host does not offer."""


class SSLContext:
    """Settings of TLS. They are kept, and the host's own hold."""

    sslsocket_class = SSLSocket
    sslobject_class = SSLObject

    def __init__(self, protocol: int = PROTOCOL_TLS) -> None:
        self.protocol = protocol
        self.verify_mode = VerifyMode.CERT_NONE if protocol == PROTOCOL_TLS else VerifyMode.CERT_REQUIRED
        self.check_hostname = protocol == _Method.PROTOCOL_TLS_CLIENT
        self.options = Options.OP_ALL
        self.verify_flags = VerifyFlags.VERIFY_X509_TRUSTED_FIRST
        self.minimum_version = TLSVersion.TLSv1_2
        self.maximum_version = TLSVersion.MAXIMUM_SUPPORTED
        self.hostname_checks_common_name = False
        self.post_handshake_auth = False
        self.keylog_filename: str | None = None
        self.sni_callback: Any = None

    def wrap_socket(
        self,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,  # noqa: ARG002 - as Python's
        suppress_ragged_eofs: bool = True,  # noqa: ARG002 - as Python's
        server_hostname: Any = None,  # noqa: ARG002 - as Python's
        session: Any = None,  # noqa: ARG002 - as Python's
    ) -> Any:
        """The same socket, whose requests are of https from now on."""
        if server_side:
            raise no_sockets("a server's side of TLS")
        sock.tls = True
        return sock

    def wrap_bio(self, *_: object, **__: object) -> SSLObject:
        """Refused."""
        return SSLObject()

    def load_default_certs(self, purpose: Purpose = Purpose.SERVER_AUTH) -> None:
        """The host has certificates of its own."""

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """The host has certificates of its own."""

    def set_default_verify_paths(self) -> None:
        """The host has certificates of its own."""

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:  # noqa: ARG002 - as Python's
        """Refused: a certificate of the client is the host's affair, and one that is not sent must not seem to be."""
        raise no_sockets("a client's own certificate is given to the browser, not to the kernel")

    def set_ciphers(self, ciphers: str) -> None:
        """The host chooses."""

    def set_alpn_protocols(self, protocols: Any) -> None:
        """The host chooses."""

    def set_ecdh_curve(self, name: str) -> None:
        """The host chooses."""

    def get_ciphers(self) -> list[dict[str, Any]]:
        """The host does not tell them."""
        return []

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:  # noqa: ARG002 - as Python's
        """The host does not tell them."""
        return []

    def cert_store_stats(self) -> dict[str, int]:
        """The host has some."""
        return {"x509": 1, "crl": 0, "x509_ca": 1}

    def session_stats(self) -> dict[str, int]:
        """The host does not tell them."""
        return {}


def create_default_context(
    purpose: Purpose = Purpose.SERVER_AUTH,  # noqa: ARG001 - as Python's
    *,
    cafile: Any = None,  # noqa: ARG001 - as Python's
    capath: Any = None,  # noqa: ARG001 - as Python's
    cadata: Any = None,  # noqa: ARG001 - as Python's
) -> SSLContext:
    """As `ssl.create_default_context`."""
    return SSLContext(_Method.PROTOCOL_TLS_CLIENT)


def _create_unverified_context(*_: object, **__: object) -> SSLContext:
    context = SSLContext(_Method.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = VerifyMode.CERT_NONE
    return context


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def get_default_verify_paths() -> DefaultVerifyPaths:
    """None: the host has certificates of its own."""
    return DefaultVerifyPaths(None, None, "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


def get_server_certificate(addr: tuple[str, int], *_: object, **__: object) -> str:
    """Refused: the host does not show certificates."""
    raise no_sockets(f"the certificate of {addr!r}")


def match_hostname(cert: Any, hostname: str) -> None:
    """The host's affair."""


def RAND_bytes(number: int) -> bytes:  # noqa: N802 - as Python's
    """As Python's."""
    import os

    return os.urandom(number)


def cert_time_to_seconds(cert_time: str) -> int:
    """As Python's."""
    from calendar import timegm
    from time import strptime

    return timegm(strptime(cert_time, "%b %d %H:%M:%S %Y %Z"))


create_connection = socket_module.create_connection

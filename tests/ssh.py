"""A small SSH server and client over any endpoints: each channel runs a protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.avatar import ConchUser
from twisted.conch.interfaces import IConchUser, ISession
from twisted.conch.ssh import channel, common, connection, factory, keys, session, transport
from twisted.conch.ssh import userauth as authentication
from twisted.cred import checkers, portal
from twisted.internet.defer import Deferred, succeed
from twisted.python.components import registerAdapter
from zope.interface import implementer

KEY = keys.Key(ed25519.Ed25519PrivateKey.generate())


@implementer(ISession)
class _Session:
    """``exec`` joins the channel to a protocol."""

    def __init__(self, user: _User) -> None:
        self.user = user

    def execCommand(self, process: Any, command: bytes) -> None:
        made = self.user.make()
        made.makeConnection(process)
        process.makeConnection(session.wrapProtocol(made))

    def getPty(self, *args: Any) -> None:
        raise NotImplementedError

    def openShell(self, process: Any) -> None:
        raise NotImplementedError

    def windowChanged(self, window: Any) -> None:
        raise NotImplementedError

    def eofReceived(self) -> None:
        """The client has no more."""

    def closed(self) -> None:
        """The channel is closed."""


class _User(ConchUser):
    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self.make = make
        self.channelLookup[b"session"] = session.SSHSession


registerAdapter(_Session, _User, ISession)


@implementer(portal.IRealm)
class _Realm:
    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def requestAvatar(self, name: Any, mind: Any, *interfaces: Any) -> Any:
        return IConchUser, _User(self.make), lambda: None


class Server(factory.SSHFactory):
    """Runs a protocol of `make` for each command."""

    noisy = False
    publicKeys = {KEY.sshType(): KEY.public()}  # noqa: RUF012  # Conch's form
    privateKeys = {KEY.sshType(): KEY}  # noqa: RUF012  # Conch's form

    def __init__(self, make: Callable[[], Any]) -> None:
        self.portal = portal.Portal(_Realm(make))
        self.portal.registerChecker(checkers.InMemoryUsernamePasswordDatabaseDontUse(me=b"secret"))

    def getPrimes(self) -> None:
        """Without a file of primes: no group exchange."""


class _Login(authentication.SSHUserAuthClient):
    def getPassword(self, prompt: Any = None) -> Any:
        return succeed(b"secret")

    def getPublicKey(self) -> None:
        """There is none."""


class _Connection(connection.SSHConnection):
    def __init__(self, opened: Deferred[Any], make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.opened = opened
        self.make = make

    def serviceStarted(self) -> None:
        self.openChannel(self.make(self))


class Channel(channel.SSHChannel):
    """A ``session`` channel that runs a command."""

    name = b"session"

    def channelOpen(self, specificData: bytes) -> None:
        asked = self.conn.sendRequest(self, b"exec", common.NS(b"run"), wantReply=True)
        asked.addCallback(lambda _: self.conn.opened.callback(self))


class Client(transport.SSHClientTransport):
    """Logs in and opens one channel; `opened` fires with it."""

    def __init__(self, make: Callable[[Any], Any] = lambda conn: Channel(conn=conn)) -> None:
        self.opened: Deferred[Any] = Deferred()
        self.make = make

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Any:
        return succeed(True)

    def connectionSecure(self) -> None:
        self.requestService(_Login(b"me", _Connection(self.opened, self.make)))

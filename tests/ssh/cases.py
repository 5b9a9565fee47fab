"""The client configurations: what an operator has in his home, and what should come of it.

In `config`, @TARGET, @JUMP, @JUMP2 and @CLOSED are ports on 127.0.0.1, @SSH is the full path of ~/.ssh, and @RELAY is a program that
connects to a host and port. `says` is part of the sentence. It is empty if OpenSSH gets in, so the suite must get in too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import asyncssh

from tests.ssh.servers import Agent, Home, Server, key, public


@dataclass
class Scene:
    """A home, and the servers that exist."""

    home: Home
    target: Server
    jump: Server
    jump2: Server
    agents: list[Agent] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def knows_all(self) -> None:
        for server in (self.target, self.jump, self.jump2):
            self.home.knows(server.host, server.port, key("host"))

    def known_hosts(self, text: str) -> None:
        (self.home.ssh / "known_hosts").write_bytes(text.encode("latin-1"))

    async def agent(self, *keys: str) -> None:
        paths = [self.home.private(f"held-{name}", key(name)) for name in keys]
        self.agents.append(await Agent.start(self.home.path, paths))
        for path in paths:
            path.unlink()
        self.environment["SSH_AUTH_SOCK"] = str(self.agents[-1].socket)


Prepare = Callable[[Scene], Awaitable[None]]


async def usual(scene: Scene) -> None:
    """A key that is let in, and a known_hosts with every host."""
    scene.home.private("id", key("id"))
    scene.knows_all()


def then(more: Callable[[Scene], Any]) -> Prepare:
    """The usual, and something more."""

    async def prepare(scene: Scene) -> None:
        await usual(scene)
        done = more(scene)
        if done is not None:
            await done

    return prepare


def only(more: Callable[[Scene], Any]) -> Prepare:
    """Every host is known, and there is no key except those that this makes."""

    async def prepare(scene: Scene) -> None:
        scene.knows_all()
        done = more(scene)
        if done is not None:
            await done

    return prepare


A = "Host a\n HostName 127.0.0.1\n Port @TARGET\n User root\n"
ID = A + " IdentityFile ~/.ssh/id\n"
J = "Host jump\n HostName 127.0.0.1\n Port @JUMP\n User root\n IdentityFile ~/.ssh/id\n"
J2 = "Host jump2\n HostName 127.0.0.1\n Port @JUMP2\n User root\n IdentityFile ~/.ssh/id\n"
NINE = tuple(f"other-{number}" for number in range(9))


@dataclass(frozen=True)
class Case:
    """One configuration. The sentence must not contain `never`.

    `alone` marks what OpenSSH does and the suite does not, which it says: what it cannot do, or what it never does (an unknown host key is
    refused, whatever is configured).
    """

    name: str
    config: str = ID
    says: str = ""
    prepare: Prepare = usual
    headnode: str = "a"
    words: tuple[str, ...] = ()
    """How `ssh` is told the same head node, if not by its name."""
    never: str = ""
    alone: bool = False
    target: Server = field(default_factory=Server)
    jump: Server = field(default_factory=Server)


def _host(*keys: Any, **more: Any) -> Server:
    return Server(host_keys=list(keys), **more)


def _certificate(one: str = "id") -> asyncssh.SSHCertificate:
    return key("authority").generate_user_certificate(key(one), "operator", principals=["root"])


def _host_certificate() -> asyncssh.SSHCertificate:
    return key("authority").generate_host_certificate(key("host"), "head node", principals=["127.0.0.1"])


def _hashed(scene: Scene) -> None:
    salt = b"0123456789abcdefghij"
    name = f"[127.0.0.1]:{scene.target.port}".encode()
    words = (base64.b64encode(part).decode() for part in (salt, hmac.new(salt, name, hashlib.sha1).digest()))
    scene.known_hosts(f"|1|{'|'.join(words)} {public(key('host'))}\n")


def _known(text: str) -> Prepare:
    """A known_hosts of its own: HERE is the head node there, and KEY is its key."""

    def write(scene: Scene) -> None:
        found = text.replace("HERE", f"[127.0.0.1]:{scene.target.port}").replace("KEY", public(key("host")))
        scene.known_hosts(found.replace("WRONG", public(key("another host"))).replace("PORT", str(scene.target.port)))

    return then(write)


def _file(name: str, text: str | bytes) -> Prepare:
    return then(lambda scene: _written(scene, name, text))


def _written(scene: Scene, name: str, text: str | bytes) -> None:
    path = scene.home.ssh / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.replace("@TARGET", str(scene.target.port)).encode())


def _jump_is(one: str | None) -> Prepare:
    """What known_hosts has of the jump host's key."""

    def write(scene: Scene) -> None:
        (scene.home.ssh / "known_hosts").unlink()
        scene.home.knows("127.0.0.1", scene.target.port, key("host"))
        if one is not None:
            scene.home.knows("127.0.0.1", scene.jump.port, key(one))

    return then(write)


def _private(name: str, one: Any, passphrase: str | None = None, mode: int = 0o600) -> Callable[[Scene], None]:
    def write(scene: Scene) -> None:
        scene.home.private(name, one, passphrase, mode)

    return write


def _behind_is_another(scene: Scene) -> None:
    scene.known_hosts("")
    scene.home.knows("127.0.0.1", scene.jump.port, key("host"))
    scene.home.knows("127.0.0.1", scene.target.port, key("another host"))


def _renamed(name: str) -> Prepare:
    def rename(scene: Scene) -> None:
        (scene.home.ssh / "known_hosts").rename(scene.home.ssh / name)

    return then(rename)


def _garbage(scene: Scene) -> None:
    _written(scene, "id", "garbage\n")
    (scene.home.ssh / "id").chmod(0o600)


def _beside(scene: Scene) -> None:
    scene.home.private("id", key("id"))
    (scene.home.ssh / "id-cert.pub").write_bytes(_certificate().export_certificate())


def _named_certificate(scene: Scene) -> None:
    scene.home.private("id", key("id"))
    (scene.home.ssh / "signed").write_bytes(_certificate().export_certificate())


def _locked(scene: Scene) -> None:
    scene.home.private("id", key("id"), "a passphrase")


def _locked_and_held(scene: Scene) -> Any:
    _locked(scene)
    scene.home.public("id.pub", key("id"))
    return scene.agent("id")


SIGNED = Server(lets_in=[], authority=key("authority"))
SIGNED_HOST = Server(host_keys=[(key("host"), _host_certificate())])
RSA, ECDSA = key("rsa", "ssh-rsa"), key("ecdsa", "ecdsa-sha2-nistp256")
VIA = " ProxyJump jump\n"

KEYS = (
    Case("plain"),
    Case("user-in-the-inventory", ID.replace("User root", "User nobody"), headnode="root@a", words=("root@a",)),
    Case("identity-file-does-not-exist", A + " IdentityFile ~/.ssh/none\n IdentityFile ~/.ssh/id\n"),
    Case("default-key", A, prepare=only(_private("id_ed25519", key("id")))),
    Case("default-rsa-key", A, prepare=only(_private("id_rsa", RSA)), target=Server(lets_in=[RSA])),
    Case("default-ecdsa-key", A, prepare=only(_private("id_ecdsa", ECDSA)), target=Server(lets_in=[ECDSA])),
    Case("space-in-a-file-name", A + ' IdentityFile "~/.ssh/my key"\n', prepare=only(_private("my key", key("id")))),
    Case("tokens-and-variables", A + " IdentityFile %d/.ssh/${AZT_NAME}-%r-%h\n",
         prepare=only(lambda s: s.environment.update(AZT_NAME="k") or _private("k-root-127.0.0.1", key("id"))(s))),
    Case("second-key-is-the-one", A + " IdentityFile ~/.ssh/x\n IdentityFile ~/.ssh/id\n",
         prepare=then(_private("x", key("other")))),
    Case("key-in-the-agent-alone", A, prepare=only(lambda s: s.agent("id"))),
    Case("agent-with-nine-keys-and-identities-only", ID + " IdentitiesOnly yes\n", prepare=then(lambda s: s.agent(*NINE))),
    Case("agent-with-nine-keys-and-the-one-that-is-named", ID, prepare=then(lambda s: s.agent(*NINE, "id"))),
    Case("agent-with-nine-keys-of-others", ID, "MaxAuthTries", then(lambda s: s.agent(*NINE))),
    Case("agent-is-not-there", ID, prepare=then(lambda s: s.environment.update(SSH_AUTH_SOCK="/nonexistent"))),
    Case("identity-agent", A + " IdentityAgent ~/agent\n", prepare=only(lambda s: _moved_agent(s))),
    Case("identity-agent-none", ID + " IdentityAgent none\n", prepare=then(lambda s: s.agent(*NINE))),
    Case("public-key-of-one-in-the-agent", A + " IdentityFile ~/.ssh/id.pub\n IdentitiesOnly yes\n",
         prepare=only(lambda s: s.home.public("id.pub", key("id")) or s.agent(*NINE, "id"))),
    Case("passphrase-and-agent", prepare=only(_locked_and_held)),
    Case("passphrase-and-no-agent", ID, "~/.ssh/id has a passphrase, and no agent holds it", only(_locked), never="accepts none"),
    Case("public-key-alone", A + " IdentityFile ~/.ssh/id\n", "no key was offered",
         only(lambda s: s.home.public("id.pub", key("id"))), never="accepts none"),
    Case("others-may-read-the-key", ID, "others may read ~/.ssh/id", only(_private("id", key("id"), mode=0o644))),
    Case("no-key-at-all", A, "no key was offered", only(lambda s: None), never="accepts none"),
    Case("not-let-in", ID, "accepts none of your keys (1 offered", target=Server(lets_in=[]), never="no key was offered"),
    Case("not-let-in-and-another-locked", ID + " IdentityFile ~/.ssh/x\n", "not offered: ~/.ssh/x has a passphrase",
         then(_private("x", key("x"), "a passphrase")), target=Server(lets_in=[])),
    Case("keys-are-forbidden", ID + " PubkeyAuthentication no\n", "your configuration forbids keys"),
    Case("passwords-are-preferred", ID + " PreferredAuthentications password\n", "your configuration forbids keys"),
    Case("garbage-as-a-key", ID, "no key was offered: ~/.ssh/id", only(_garbage)),
    Case("certificate-beside-the-key", prepare=only(_beside), target=SIGNED),
    Case("certificate-file", ID + " CertificateFile ~/.ssh/signed\n", prepare=only(_named_certificate), target=SIGNED),
    Case("pkcs11-that-is-not-there", ID + " PKCS11Provider /nonexistent.so\n"),
    Case("pkcs11-alone", A + " PKCS11Provider /nonexistent.so\n IdentityFile none\n", "PKCS11Provider", only(lambda s: None)),
)  # fmt: skip


def _moved_agent(scene: Scene) -> Any:
    async def prepare() -> None:
        await scene.agent("id")
        del scene.environment["SSH_AUTH_SOCK"]

    return prepare()


SYNTAX = (
    Case("server-alive-interval-in-minutes", ID + " ServerAliveInterval 1m\n"),
    Case("connect-timeout-none", ID + " ConnectTimeout none\n"),
    Case("comment-behind-a-port", ID.replace("Port @TARGET", "Port @TARGET # the usual")),
    Case("equals-signs-tabs-and-small-letters", ID.replace(" User root", "\tuser = root").replace(" Port ", "\tPORT=")),
    Case("lines-of-windows", ID.replace("\n", "\r\n")),
    Case("latin-1-in-the-configuration", ID.replace("Host a", "# Z\xfcrich\nHost a")),
    Case("first-value-counts", "Host a\n Port @TARGET\nHost *\n Port 1\n User root\n HostName 127.0.0.1\n IdentityFile ~/.ssh/id\n"),
    Case("negated-pattern", "Host * !a\n Port 1\n" + ID),
    Case("match-exec-with-quotes", 'Match host a exec "test \'%n\' = \'a\'"\n' + ID.partition("\n")[2]),
    Case("match-exec-that-fails", 'Match exec "false"\n Port 1\n' + ID),
    Case("match-final", ID + "Match final host 127.0.0.1\n IdentityFile ~/.ssh/none\n"),
    Case("include", "Include more.d/*\n", prepare=_file("more.d/one", ID)),
    Case("include-of-nothing", "Include nothing.d/*\n" + ID),
    Case("unknown-keyword", ID + " NoSuchKeyword yes\n", "nosuchkeyword"),
    Case("ignored-unknown-keyword", "IgnoreUnknown NoSuchKeyword\n" + ID + " NoSuchKeyword yes\n"),
    Case("wrong-port", ID.replace("@TARGET", "many"), "Bad port 'many'"),
    Case("port-in-the-inventory", ID.replace("@TARGET", "1"), headnode="root@a:@TARGET", words=("-p", "@TARGET", "root@a")),
    Case("url-in-the-inventory", ID.replace("@TARGET", "1"), headnode="ssh://root@a:@TARGET", words=("ssh://root@a:@TARGET",)),
    Case("ipv6-in-the-inventory", "IdentityFile ~/.ssh/id\n", headnode="root@[::1]:@TARGET",
         words=("-p", "@TARGET", "root@::1"), target=Server(host="::1")),
    Case("ipv6-without-a-port", "Port @TARGET\nIdentityFile ~/.ssh/id\n", headnode="root@::1", words=("root@::1",),
         target=Server(host="::1")),
    Case("address-family", ID + " AddressFamily inet\n"),
    Case("bind-address", ID + " BindAddress 127.0.0.1\n"),
    Case("sends-every-variable", ID + " SendEnv *\n", prepare=then(lambda s: s.environment.update(AZ_UFDS_PASSWORD="hush"))),
    Case("wishes-of-a-login", ID + " Compression yes\n ForwardAgent yes\n ForwardX11 yes\n RequestTTY force\n LocalForward 1 a:1\n"),
    Case("control-master-without-one", ID + " ControlMaster auto\n ControlPath ~/.ssh/%C\n"),
    Case("chosen-algorithms", ID + " Ciphers aes256-ctr\n MACs hmac-sha2-256\n KexAlgorithms curve25519-sha256\n"),
    Case("nothing-listens", ID.replace("@TARGET", "@CLOSED"), "refused the connection: nothing listens on port"),
    Case("unknown-name", ID.replace("127.0.0.1", "no-such-name.invalid"), "the name no-such-name.invalid is unknown"),
)  # fmt: skip

HOSTS = (
    Case("unknown-host", ID, "is unknown.  Compare its fingerprint (SHA256:", _known("")),
    Case("unknown-host-that-needs-no-check", ID + " StrictHostKeyChecking no\n", "is unknown", _known("")),
    Case("changed-host", ID, "has changed", _known("HERE WRONG\n")),
    Case("another-host-is-known", ID, "is unknown", _known("example.com WRONG\n"), never="ssh-keygen -R"),
    Case("stray-word-in-known-hosts", prepare=_known("stray\nHERE KEY\n")),
    Case("latin-1-in-known-hosts", prepare=_known("# Z\xfcrich\nz\xfcrich KEY\nHERE KEY\n")),
    Case("nonsense-in-known-hosts", prepare=_known("@who HERE KEY\nHERE ssh-nonsense AAAA\n|1|x|y KEY\nHERE KEY Z\xfcrich\n")),
    Case("hashed-known-hosts", prepare=then(_hashed)),
    Case("pattern-in-known-hosts", prepare=_known("[127.0.*]:* KEY\n")),
    Case("negated-pattern-in-known-hosts", ID, "is unknown", _known("[127.0.*]:*,!HERE KEY\n")),
    Case("known-without-its-port", prepare=_known("127.0.0.1 KEY\n")),
    Case("known-in-capital-letters", ID + " HostKeyAlias Head\n", prepare=_known("HEAD KEY\n")),
    Case("alias", ID + " HostKeyAlias head\n", prepare=_known("head KEY\n")),
    Case("alias-that-is-unknown", ID + " HostKeyAlias head\n", "sed 's/^[^ ]*/head/'", _known("HERE KEY\n")),
    Case("alias-that-has-changed", ID + " HostKeyAlias head\n", "ssh-keygen -R 'head'", _known("head WRONG\n")),
    Case("revoked", ID, "is revoked", _known("HERE KEY\n@revoked * KEY\n")),
    Case("authority", prepare=_known(f"@cert-authority * {public(key('authority'))}\n"), target=SIGNED_HOST),
    Case("certificate-of-nobody-and-a-known-key", prepare=_known("HERE KEY\n"), target=SIGNED_HOST),
    Case("certificate-of-nobody", ID, "is unknown", _known(""), target=SIGNED_HOST),
    Case("two-known-hosts-files", ID + ' UserKnownHostsFile ~/.ssh/none "~/.ssh/known too"\n',
         prepare=_renamed("known too")),
    Case("own-known-hosts-file-that-lacks-it", ID + " UserKnownHostsFile ~/.ssh/own\n", "/.ssh/own", usual),
    Case("global-known-hosts-file", ID + " UserKnownHostsFile none\n GlobalKnownHostsFile @SSH/known_hosts\n"),
    Case("rsa-host", prepare=_known(f"HERE {public(RSA)}\n"), target=_host(RSA)),
    Case("ecdsa-host", prepare=_known(f"HERE {public(ECDSA)}\n"), target=_host(ECDSA)),
    Case("one-of-three-keys-is-known", prepare=_known(f"HERE {public(ECDSA)}\n"), target=_host(key("host"), ECDSA, RSA)),
    Case("old-host-key-algorithm", ID + " HostKeyAlgorithms +ssh-rsa\n", prepare=_known(f"HERE {public(RSA)}\n"),
         target=_host(RSA, options={"signature_algs": ["ssh-rsa", "ssh-ed25519"]})),
    Case("host-key-algorithm-that-the-host-has-not", ID + " HostKeyAlgorithms ssh-rsa\n", "no algorithm in common"),
    Case("known-hosts-command", ID + " KnownHostsCommand /bin/sh -c 'cat @SSH/elsewhere'\n", "KnownHostsCommand",
         _renamed("elsewhere"), alone=True),
    Case("revoked-host-keys", ID + " RevokedHostKeys ~/.ssh/revoked\n", "is revoked", _file("revoked", public(key("host")) + "\n")),
)  # fmt: skip

JUMPS = (
    Case("jump-by-alias", ID + VIA + J),
    Case("jump-by-url", ID + " ProxyJump ssh://root@127.0.0.1:@JUMP\n" + "Host 127.0.0.1\n IdentityFile ~/.ssh/id\n"),
    Case("jump-by-user-host-and-port", ID + " ProxyJump root@127.0.0.1:@JUMP\n" + "Host 127.0.0.1\n IdentityFile ~/.ssh/id\n"),
    Case("two-jumps", ID + " ProxyJump jump,jump2\n" + J + J2),
    Case("a-jump-with-a-jump", ID + VIA + J + " ProxyJump jump2\n" + J2),
    Case("two-jumps-the-second-of-which-has-its-own", ID + " ProxyJump jump,jump2\n" + J + J2 + " ProxyJump nowhere\n"),
    Case("no-jump", ID + " ProxyJump none\nHost *\n ProxyJump nowhere\n"),
    Case("proxy-command", ID + " ProxyCommand @RELAY %h %p\n"),
    Case("proxy-command-none", ID + " ProxyCommand none\nHost *\n ProxyCommand false\n"),
    Case("proxy-command-with-tokens", ID + " ProxyCommand sh -c 'test %n-%r-%% = a-root-%% && exec @RELAY %h %p'\n"),
    Case("jump-with-a-proxy-command", ID + VIA + J + " ProxyCommand @RELAY %h %p\n"),
    Case("key-of-the-jump-host-is-unknown", ID + VIA + J, "[127.0.0.1]:@JUMP, a jump host on the way to a, is unknown",
         _jump_is(None), never="@TARGET"),
    Case("key-of-the-jump-host-has-changed", ID + VIA + J, "ssh-keygen -R '[127.0.0.1]:@JUMP'", _jump_is("another host"), never="@TARGET"),
    Case("key-of-the-jump-host-needs-no-check", ID + VIA + J + " StrictHostKeyChecking accept-new\n",
         "a jump host on the way to a, is unknown",
         _jump_is(None), alone=True),
    Case("key-behind-the-jump-host-has-changed", ID + VIA + J, "ssh-keygen -R '[127.0.0.1]:@TARGET', then ssh jump ssh-keyscan",
         then(_behind_is_another),
         never="@JUMP"),
    Case("jump-host-lets-nobody-in", ID + VIA + J, "permission denied for root at jump (a jump host on the way to a): it accepts none",
         jump=Server(lets_in=[])),
    Case("key-for-the-jump-host-is-locked", ID + VIA + J.replace("ssh/id", "ssh/x"),
         "at jump (a jump host on the way to a): no key was offered: ~/.ssh/x has a passphrase",
         then(_private("x", key("x"), "a passphrase")), jump=Server(lets_in=[key("x")])),
    Case("jump-host-forbids-forwarding", ID + VIA + J, "the jump host jump forbids forwarding", jump=Server(forwards=False)),
    Case("nothing-listens-behind-the-jump-host", ID.replace("@TARGET", "@CLOSED") + VIA + J, "the jump host jump could not connect to a: "),
    Case("jump-host-is-down", ID + VIA + J.replace("@JUMP", "@CLOSED"), "jump (a jump host on the way to a) refused the connection"),
    Case("name-of-the-jump-host-is-unknown", ID + " ProxyJump no-such-name.invalid\n", "the name no-such-name.invalid is unknown"),
    Case("second-jump-host-lets-nobody-in", ID + " ProxyJump jump2,jump\n" + J + J2,
         "permission denied for root at jump (a jump", jump=Server(lets_in=[])),
    Case("not-let-in-behind-the-jump-host", ID + VIA + J, "permission denied for root at a: it accepts none", target=Server(lets_in=[])),
    Case("proxy-command-that-fails", ID + " ProxyCommand echo no way >&2; exit 3\n", "the ProxyCommand of a said: no way"),
    Case("proxy-command-that-is-not-there", ID + " ProxyCommand /nonexistent/program\n", "the ProxyCommand of a said: "),
    Case("unknown-host-behind-a-proxy-command", ID + " ProxyCommand @RELAY %h %p\n", "ssh a, which asks", _known("")),
)  # fmt: skip

ALL = (*KEYS, *SYNTAX, *HOSTS, *JUMPS)


def fresh(server: Server) -> Server:
    """The same server, but nobody has used it yet."""
    return replace(server, variables={})

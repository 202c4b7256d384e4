"""The words in which people write policies."""

import ipaddress
import re
from typing import Any, Literal

from sluice.v1 import policy_pb2

PresetWord = Literal['none', 'public_only', 'allow_all', 'allowlist', 'denylist']
ProtocolWord = Literal['tcp', 'udp']

_RULE = re.compile(
    r'(?:\[(?P<bracketed>[^\]]*)\]|(?P<v6>[^\[\]]*:[^\[\]]*:[^\[\]/]*(?:/\d+)?)|(?P<peer>[^\[\]:]*?))'
    r'(?::(?P<ports>[0-9,-]+))?'
    r'(?:/(?P<protocol>[A-Za-z]\w*))?')
_DOMAIN = re.compile(r'(\*\.)?[^.*:/\s]{1,63}(\.[^.*:/\s]{1,63})*\.?')
_PORTS = re.compile(r'(\d{1,5})(?:-(\d{1,5}))?')


def parse_rule(action: 'policy_pb2.Action', text: str) -> policy_pb2.Rule:
    """An egress rule from PEER[:PORTS][/PROTOCOL].

    PEER is any; a group (public, host, private, ...); an address or a prefix
    (IPv6 in brackets before ports: [2001:db8::/32]:443); example.com or
    *.example.com. PORTS are 443, 8000-8100 or 80,443; PROTOCOL is tcp, udp or
    icmp. ValueError quotes what is wrong.
    """
    try:
        match = _RULE.fullmatch(text)
        if not match:
            raise ValueError('a rule is PEER[:PORTS][/PROTOCOL]')
        peer = match['bracketed'] or match['v6'] or match['peer'] or ''
        rule = policy_pb2.Rule(action=action, peers=_peers(peer), ports=_ports(match['ports']))
        if match['protocol']:
            rule.protocols.append(enum_value(policy_pb2.Protocol, 'PROTOCOL', match['protocol']))
    except ValueError as problem:
        raise ValueError(f'"{text}": {problem}') from None
    if rule.ports and policy_pb2.PROTOCOL_ICMP in rule.protocols:
        raise ValueError(f'"{text}": icmp has no ports')
    return rule


def enum_value(enum: Any, prefix: str, word: str) -> Any:
    """PRESET_PUBLIC_ONLY for 'public_only' or 'public-only', in any case."""
    name = f'{prefix}_{word.upper().replace("-", "_")}'
    if name not in enum.keys() or enum.Value(name) == 0:
        words = ', '.join(key.removeprefix(prefix + '_').lower() for key in enum.keys() if enum.Value(key))
        raise ValueError(f'{word} is not one of {words}')
    return enum.Value(name)


def check_domain(text: str) -> None:
    """ValueError unless it is shaped like example.com or *.example.com; the server judges the rest."""
    if not _DOMAIN.fullmatch(text):
        raise ValueError('neither example.com nor *.example.com')


def is_address(text: str) -> bool:
    """An address or a prefix, or what means to be one."""
    return not text.strip('0123456789.') or ':' in text or '/' in text


def _peers(text: str) -> list[policy_pb2.Peer]:
    if not text:
        raise ValueError('the peer is missing; "any" means every one')
    if text.lower() == 'any':
        return []
    if is_address(text):
        ipaddress.ip_network(text)
        return [policy_pb2.Peer(cidr=text)]
    try:
        return [policy_pb2.Peer(group=enum_value(policy_pb2.AddressGroup, 'ADDRESS_GROUP', text))]
    except ValueError:
        check_domain(text)
        return [policy_pb2.Peer(domain=text)]


def _ports(text: str | None) -> list[policy_pb2.PortRange]:
    ranges = []
    for part in text.split(',') if text else []:
        match = _PORTS.fullmatch(part)
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        if not 1 <= first <= last <= 65535:
            raise ValueError(f'"{part}" is not a port (1 to 65535) or a range such as 8000-8100')
        ranges.append(policy_pb2.PortRange(first=first, last=0 if last == first else last))
    return ranges

"""What a sandbox may talk to, said as a sentence."""

from typing import Self

from sluice import rules
from sluice.v1 import policy_pb2


class Policy:
    """A network policy.

        Policy().allow('*.pypi.org:443').deny('10.0.0.13').allow('10.0.0.0/8:5432/tcp')

    Rules are PEER[:PORTS][/PROTOCOL], as rules.parse_rule has it and as `sluice
    run --allow` takes them. The first that matches decides, in the order of the
    calls; then the preset. Left out, that is allowlist where there is an
    allow(), so that nothing else is allowed, and public_only where there is
    none. To open something beside the public Internet, say so:

        Policy().preset('public_only').allow('10.0.0.5:5432')
    """

    def __init__(self) -> None:
        self._policy = policy_pb2.NetworkPolicy()

    def preset(self, word: rules.PresetWord) -> Self:
        self._policy.preset = rules.enum_value(policy_pb2.Preset, 'PRESET', word)
        return self

    def allow(self, rule: str) -> Self:
        self._policy.rules.append(rules.parse_rule(policy_pb2.ACTION_ALLOW, rule))
        return self

    def deny(self, rule: str) -> Self:
        self._policy.rules.append(rules.parse_rule(policy_pb2.ACTION_DENY, rule))
        return self

    def drop(self) -> Self:
        """Denied packets get no answer, instead of a refusal at once."""
        self._policy.deny_response = policy_pb2.DENY_RESPONSE_DROP
        return self

    def build(self) -> policy_pb2.NetworkPolicy:
        policy = policy_pb2.NetworkPolicy()
        policy.CopyFrom(self._policy)
        if not policy.preset:
            allows = any(rule.action == policy_pb2.ACTION_ALLOW for rule in policy.rules)
            policy.preset = policy_pb2.PRESET_ALLOWLIST if allows else policy_pb2.PRESET_PUBLIC_ONLY
        return policy

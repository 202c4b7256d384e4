"""The words, without a server. The table of rules is every client's."""

import json
import pathlib
import unittest

import sluice
from google.protobuf import json_format, text_format
from sluice.v1 import policy_pb2, sandbox_pb2

RULES = pathlib.Path(__file__).resolve().parents[2] / 'testdata/rules.json'


class RulesTest(unittest.TestCase):

    def setUp(self):
        self.table = json.loads(RULES.read_text(encoding='utf-8'))

    def test_reads_rules(self):
        self.assertTrue(self.table['good'])
        for case in self.table['good']:
            with self.subTest(case['text']):
                expected = json_format.ParseDict(case['rule'], policy_pb2.Rule(action=policy_pb2.ACTION_ALLOW))
                self.assertEqual(sluice.parse_rule(policy_pb2.ACTION_ALLOW, case['text']), expected)

    def test_quotes_what_it_refuses(self):
        self.assertTrue(self.table['bad'])
        for text in self.table['bad']:
            with self.subTest(text), self.assertRaises(ValueError) as caught:
                sluice.parse_rule(policy_pb2.ACTION_DENY, text)
            self.assertTrue(str(caught.exception).startswith(f'"{text}": '), caught.exception)


class SandboxBuilderTest(unittest.TestCase):

    def expect(self, builder, wanted):
        self.assertEqual(builder.build(), text_format.Parse(wanted, sandbox_pb2.Sandbox()))

    def test_reads_like_a_sentence(self):
        self.expect(
            sluice.SandboxBuilder('web').rootfs('/srv/../srv/root').port(8080, 80).port_udp(5353, 53)
            .allow('*.pypi.org').block('*.tracking.com'), '''
            id: "web" guest { oci { rootfs: "/srv/root" } }
            network {
              policy {
                preset: PRESET_ALLOWLIST
                rules { action: ACTION_ALLOW peers { domain: "*.pypi.org" } }
              }
              ports { protocol: PROTOCOL_TCP host_port: 8080 guest_port: 80 }
              ports { protocol: PROTOCOL_UDP host_port: 5353 guest_port: 53 }
              dns { blocked_domains: "*.tracking.com" }
            }''')

    def test_describes_the_guest(self):
        self.expect(
            sluice.SandboxBuilder().args('sleep', '9').env('A', 'b').working_directory('/tmp').user('7:8')
            .memory_bytes(1 << 20).label('team', 'ci'), '''
            labels { key: "team" value: "ci" }
            guest { oci { args: "sleep" args: "9" env { key: "A" value: "b" } working_directory: "/tmp"
                          user: "7:8" memory_bytes: 1048576 } }
            network { policy { preset: PRESET_PUBLIC_ONLY } }''')

    def test_takes_what_has_no_word_from_the_message(self):
        builder = sluice.SandboxBuilder()
        self.expect(builder, 'guest { oci {} } network { policy { preset: PRESET_PUBLIC_ONLY } }')
        builder.proto.guest.netns.path = '/run/netns/x'
        self.expect(builder, 'guest { netns { path: "/run/netns/x" } } network { policy { preset: PRESET_PUBLIC_ONLY } }')

    def test_quotes_what_is_wrong(self):
        for words in (lambda builder: builder.block('a..b'), lambda builder: builder.block('10.0.0.1'),
                      lambda builder: builder.preset('everything'), lambda builder: builder.allow('http://x')):
            with self.assertRaises(ValueError):
                words(sluice.SandboxBuilder())


class PolicyTest(unittest.TestCase):

    def test_an_allow_makes_it_an_allow_list_unless_a_preset_is_said(self):
        for policy, preset in (
            (sluice.Policy(), policy_pb2.PRESET_PUBLIC_ONLY),
            (sluice.Policy().deny('10.0.0.1'), policy_pb2.PRESET_PUBLIC_ONLY),
            (sluice.Policy().deny('10.0.0.1').allow('private'), policy_pb2.PRESET_ALLOWLIST),
            (sluice.Policy().allow('10.0.0.1').preset('public_only'), policy_pb2.PRESET_PUBLIC_ONLY),
            (sluice.Policy().preset('none'), policy_pb2.PRESET_NONE),
        ):
            self.assertEqual(policy.build().preset, preset)

    def test_keeps_the_order_of_its_rules(self):
        policy = sluice.Policy().allow('10.0.0.1').deny('private').drop().build()
        self.assertEqual([rule.action for rule in policy.rules], [policy_pb2.ACTION_ALLOW, policy_pb2.ACTION_DENY])
        self.assertEqual(policy.deny_response, policy_pb2.DENY_RESPONSE_DROP)


if __name__ == '__main__':
    unittest.main()

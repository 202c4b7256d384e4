"""Sandboxes with a network of their own, of a Sluice server.

    import sluice

    channel = sluice.connect('unix:/run/sluice.sock')
    with sluice.SandboxBuilder('web').port(8080, 80).allow('*.pypi.org').create(channel) as web:
        print(web.exec(['pip', 'download', 'six'], cwd='/tmp').stderr)
        for item in web.audit():
            print(item.event)

What a server refuses is grpc.RpcError with its code() and, as details(), one
sentence that names the field; words that are wrong are ValueError. Programs of
asyncio have sluice.aio.
"""

from sluice.builder import SandboxBuilder
from sluice.calls import ExecResult, Output
from sluice.channel import connect
from sluice.policy import Policy
from sluice.process import Process
from sluice.rules import PresetWord, ProtocolWord, parse_rule
from sluice.sandbox import Sandbox

__all__ = [
    'ExecResult', 'Output', 'Policy', 'PresetWord', 'Process', 'ProtocolWord', 'Sandbox', 'SandboxBuilder',
    'connect', 'parse_rule',
]

"""The way to a server."""

import grpc

# Of one answer: a policy of 65,536 rules and 10,000 blocked domains fits.
_MAX_MESSAGE_BYTES = 64 << 20

OPTIONS = [
    ('grpc.max_receive_message_length', _MAX_MESSAGE_BYTES),
    # http_proxy is for the web, not for the way to our own server.
    ('grpc.enable_http_proxy', 0),
]


def connect(server: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.Channel:
    """A channel to a server at 'unix:PATH' or 'HOST:PORT'.

    It connects with the first call; any number of sandboxes and threads share it.
    """
    if credentials is None:
        return grpc.insecure_channel(server, OPTIONS)
    return grpc.secure_channel(server, credentials, OPTIONS)

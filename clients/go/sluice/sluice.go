// Package sluice connects to a Sluice server. The API is sluice/v1, generated
// from protos/sluice/v1:
//
//	conn, err := sluice.Dial("unix:/run/sluice.sock")
//	sandboxes := sluicev1.NewSandboxServiceClient(conn)
//	created, err := sandboxes.CreateSandbox(ctx, &sluicev1.CreateSandboxRequest{...})
package sluice

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Of one answer: a policy of 65,536 rules and 10,000 blocked domains fits.
const maxMessageBytes = 64 << 20

// Dial connects to a server at "unix:PATH" or "HOST:PORT", with its first call.
// Without credentials among options it speaks plaintext.
func Dial(server string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	if len(options) == 0 {
		options = []grpc.DialOption{grpc.WithInsecure()}
	}
	options = append(options,
		// http_proxy is for the web, not for the way to our own server.
		grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{}), grpc.MaxCallRecvMsgSize(maxMessageBytes)))
	return grpc.Dial(server, options...)
}

// codec is that of newer gRPC: Debian's own knows no messages of
// google.golang.org/protobuf.
type codec struct{}

func (codec) Marshal(v interface{}) ([]byte, error) {
	message, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("sluice: %T is no message", v)
	}
	return proto.Marshal(message)
}

func (codec) Unmarshal(data []byte, v interface{}) error {
	message, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("sluice: %T is no message", v)
	}
	return proto.Unmarshal(data, message)
}

func (codec) Name() string { return "proto" }

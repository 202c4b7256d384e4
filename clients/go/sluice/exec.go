package sluice

import (
	"bytes"
	"context"
	"errors"
	"io"

	sluicev1 "sluice/v1"
)

// MaxOutputBytes is the most that Exec keeps of a program's output.
const MaxOutputBytes = 64 << 20

// Result is how a program ended, and what it said.
type Result struct {
	Code           int32
	Signal         int32 // Where a signal ended it, else 0.
	Stdout, Stderr bytes.Buffer
}

// Exec runs a program without input in a guest, to its end. That it failed is a
// result, not an error. The end of ctx kills it, and so does output past
// MaxOutputBytes, which is an error: read the stream yourself.
func Exec(ctx context.Context, guests sluicev1.GuestServiceClient, start *sluicev1.ExecStart) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := guests.Exec(ctx)
	if err != nil {
		return nil, err
	}
	for _, request := range []*sluicev1.ExecRequest{
		{Item: &sluicev1.ExecRequest_Start{Start: start}},
		{Item: &sluicev1.ExecRequest_StdinClosed{StdinClosed: true}},
	} {
		// Recv tells why, where the call has ended.
		if err := stream.Send(request); err != nil && err != io.EOF {
			return nil, err
		}
	}
	return collect(stream)
}

func collect(stream sluicev1.GuestService_ExecClient) (*Result, error) {
	var result Result
	for {
		response, err := stream.Recv()
		if err == io.EOF {
			return nil, errors.New("sluice: the call ended without the program's exit")
		}
		if err != nil {
			return nil, err
		}
		switch item := response.Item.(type) {
		case *sluicev1.ExecResponse_Stdout:
			result.Stdout.Write(item.Stdout)
		case *sluicev1.ExecResponse_Stderr:
			result.Stderr.Write(item.Stderr)
		case *sluicev1.ExecResponse_Exit:
			result.Code, result.Signal = item.Exit.Code, item.Exit.Signal
			return &result, nil
		}
		if result.Stdout.Len()+result.Stderr.Len() > MaxOutputBytes {
			return nil, errors.New("sluice: the program says more than MaxOutputBytes")
		}
	}
}

package sluice_test

// The stubs against the server at SLUICE_SERVER, on the lab's host (tests/lab).

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sluice"
	sluicev1 "sluice/v1"
)

const cannotConnect = 7 // curl's exit

type client struct {
	sandboxes sluicev1.SandboxServiceClient
	guests    sluicev1.GuestServiceClient
	audit     sluicev1.AuditServiceClient
	ctx       context.Context
}

func connect(t *testing.T, server string) client {
	conn, err := sluice.Dial(server)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(func() {
		cancel()
		conn.Close()
	})
	return client{
		sluicev1.NewSandboxServiceClient(conn), sluicev1.NewGuestServiceClient(conn),
		sluicev1.NewAuditServiceClient(conn), ctx,
	}
}

func (c client) create(t *testing.T, network *sluicev1.NetworkConfig) string {
	guest := &sluicev1.Guest{Kind: &sluicev1.Guest_Oci{Oci: &sluicev1.OciGuest{}}}
	created, err := c.sandboxes.CreateSandbox(c.ctx, &sluicev1.CreateSandboxRequest{
		Sandbox: &sluicev1.Sandbox{Guest: guest, Network: network},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := created.Sandbox.Id
	t.Cleanup(func() {
		if _, err := c.sandboxes.DeleteSandbox(c.ctx, &sluicev1.DeleteSandboxRequest{SandboxId: id}); err != nil {
			t.Error(err)
		}
	})
	return id
}

func (c client) exec(t *testing.T, id string, args ...string) *sluice.Result {
	result, err := sluice.Exec(c.ctx, c.guests, &sluicev1.ExecStart{SandboxId: id, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func wantCode(t *testing.T, err error, code codes.Code, says string) {
	t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), says) {
		t.Errorf("got %v, want %v with %q", err, code, says)
	}
}

func TestAPolicyIsChangedAtOnce(t *testing.T) {
	c := connect(t, os.Getenv("SLUICE_SERVER"))
	id := c.create(t, nil)
	curl := []string{"curl", "--silent", "--max-time", "10", "http://10.1.2.3/"}
	if got := c.exec(t, id, curl...); got.Code != cannotConnect {
		t.Errorf("before: exit %d, %s", got.Code, &got.Stderr)
	}
	peer := &sluicev1.Peer{Kind: &sluicev1.Peer_Cidr{Cidr: "10.1.2.3"}}
	rule := &sluicev1.Rule{Action: sluicev1.Action_ACTION_ALLOW, Peers: []*sluicev1.Peer{peer}}
	set, err := c.sandboxes.SetNetworkPolicy(c.ctx, &sluicev1.SetNetworkPolicyRequest{
		SandboxId: id,
		Policy:    &sluicev1.NetworkPolicy{Preset: sluicev1.Preset_PRESET_ALLOWLIST, Rules: []*sluicev1.Rule{rule}},
	})
	if err != nil || set.PolicyGeneration != 2 {
		t.Errorf("SetNetworkPolicy: %v, %v", set, err)
	}
	if got := c.exec(t, id, curl...); got.Stdout.String() != "internal service\n" {
		t.Errorf("after: exit %d, %s", got.Code, &got.Stderr)
	}
}

func TestTheAuditTrailNamesWhatWasDenied(t *testing.T) {
	c := connect(t, os.Getenv("SLUICE_SERVER"))
	id := c.create(t, nil)
	c.exec(t, id, "curl", "--silent", "http://10.1.2.3/")
	audit, err := c.audit.StreamAuditEvents(c.ctx, &sluicev1.StreamAuditEventsRequest{
		SandboxIds: []string{id}, Follow: true,
		Filter: &sluicev1.AuditFilter{Action: sluicev1.Action_ACTION_DENY},
	})
	if err != nil {
		t.Fatal(err)
	}
	item, err := audit.Recv()
	if err != nil {
		t.Fatal(err)
	}
	flow := item.GetEvent().GetFlow()
	if flow.GetRemote().GetAddress() != "10.1.2.3" || flow.GetVerdict().GetReason() != sluicev1.Verdict_REASON_DEFAULT {
		t.Errorf("got %v", item)
	}
}

func TestProgramsEndWithCodesAndSignals(t *testing.T) {
	c := connect(t, os.Getenv("SLUICE_SERVER"))
	id := c.create(t, nil)
	got := c.exec(t, id, "sh", "-c", "echo out; echo err >&2; exit 7")
	if got.Code != 7 || got.Stdout.String() != "out\n" || got.Stderr.String() != "err\n" {
		t.Errorf("got %d, %q, %q", got.Code, &got.Stdout, &got.Stderr)
	}
	if got := c.exec(t, id, "sh", "-c", "kill -TERM $$"); got.Signal != 15 {
		t.Errorf("got signal %d", got.Signal)
	}
}

func TestOutputIsBounded(t *testing.T) {
	c := connect(t, os.Getenv("SLUICE_SERVER"))
	id := c.create(t, nil)
	start := &sluicev1.ExecStart{SandboxId: id, Args: []string{"cat", "/dev/zero"}}
	if _, err := sluice.Exec(c.ctx, c.guests, start); err == nil || !strings.Contains(err.Error(), "MaxOutputBytes") {
		t.Errorf("got %v", err)
	}
}

func TestErrorsAreTheServersOwn(t *testing.T) {
	c := connect(t, os.Getenv("SLUICE_SERVER"))
	_, err := c.sandboxes.GetSandbox(c.ctx, &sluicev1.GetSandboxRequest{SandboxId: "nobody"})
	wantCode(t, err, codes.NotFound, "there is no sandbox nobody")
	_, err = c.sandboxes.CreateSandbox(c.ctx, &sluicev1.CreateSandboxRequest{Sandbox: &sluicev1.Sandbox{Id: "Not-An-Id"}})
	wantCode(t, err, codes.InvalidArgument, "sandbox.id: ")
	id := c.create(t, nil)
	_, err = sluice.Exec(c.ctx, c.guests, &sluicev1.ExecStart{SandboxId: id, Args: []string{"nope"}})
	wantCode(t, err, codes.NotFound, "there is no program nope")
	nowhere := connect(t, "unix:/nowhere/api.sock")
	_, err = nowhere.sandboxes.GetSandbox(nowhere.ctx, &sluicev1.GetSandboxRequest{SandboxId: "nobody"})
	wantCode(t, err, codes.Unavailable, "")
}

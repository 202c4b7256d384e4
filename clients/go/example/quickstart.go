// What deploy/quickstart.sh shows, from Go:
//
//	quickstart SERVER [PUBLIC_URL [PRIVATE_IP:PORT]]
//
// makes a sandbox with the default policy, fetches from inside it, changes the
// policy under it, reaches it through a published port, and reads back what
// happened.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	"sluice"
	sluicev1 "sluice/v1"
)

type demo struct {
	ctx       context.Context
	sandboxes sluicev1.SandboxServiceClient
	guests    sluicev1.GuestServiceClient
	audit     sluicev1.AuditServiceClient
	id        string
}

func (d *demo) create() (hostPort uint32, err error) {
	oci := &sluicev1.OciGuest{Args: []string{"python3", "-m", "http.server", "8000", "--directory", "/tmp"}}
	created, err := d.sandboxes.CreateSandbox(d.ctx, &sluicev1.CreateSandboxRequest{Sandbox: &sluicev1.Sandbox{
		Guest:   &sluicev1.Guest{Kind: &sluicev1.Guest_Oci{Oci: oci}},
		Network: &sluicev1.NetworkConfig{Ports: []*sluicev1.PortMapping{{GuestPort: 8000}}},
	}})
	if err != nil {
		return 0, err
	}
	d.id = created.Sandbox.Id
	return created.Sandbox.NetworkStatus.Ports[0].HostPort, nil
}

func (d *demo) delete() error {
	_, err := d.sandboxes.DeleteSandbox(d.ctx, &sluicev1.DeleteSandboxRequest{SandboxId: d.id})
	return err
}

func (d *demo) exec(args ...string) (*sluice.Result, error) {
	return sluice.Exec(d.ctx, d.guests, &sluicev1.ExecStart{SandboxId: d.id, Args: args})
}

// fetch fetches from inside the sandbox, and says how that went.
func (d *demo) fetch(url string) error {
	curl, err := d.exec("curl", "--silent", "--show-error", "--output", "/dev/null", "--max-time", "10", url)
	if err != nil {
		return err
	}
	how := "reached"
	if curl.Code != 0 {
		how = "refused"
	}
	fmt.Printf("%s %s\n%s", how, url, &curl.Stderr)
	return nil
}

// allow opens peer beside the public Internet.
func (d *demo) allow(peer string) error {
	address, text, err := net.SplitHostPort(peer)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return err
	}
	_, err = d.sandboxes.SetNetworkPolicy(d.ctx, &sluicev1.SetNetworkPolicyRequest{
		SandboxId: d.id,
		Policy: &sluicev1.NetworkPolicy{
			Preset: sluicev1.Preset_PRESET_PUBLIC_ONLY,
			Rules: []*sluicev1.Rule{{
				Action: sluicev1.Action_ACTION_ALLOW,
				Peers:  []*sluicev1.Peer{{Kind: &sluicev1.Peer_Cidr{Cidr: address}}},
				Ports:  []*sluicev1.PortRange{{First: uint32(port)}},
			}},
		},
	})
	return err
}

func (d *demo) writeFile(path, data string) error {
	stream, err := d.guests.WriteFile(d.ctx)
	if err != nil {
		return err
	}
	open := &sluicev1.WriteFileOpen{SandboxId: d.id, Path: path}
	stream.Send(&sluicev1.WriteFileRequest{Item: &sluicev1.WriteFileRequest_Open{Open: open}})
	stream.Send(&sluicev1.WriteFileRequest{Item: &sluicev1.WriteFileRequest_Data{Data: []byte(data)}})
	_, err = stream.CloseAndRecv() // tells what the sending met, too
	return err
}

// fetchFromHost fetches from outside, once the guest's server listens.
func (d *demo) fetchFromHost(port uint32) error {
	if _, err := d.exec("curl", "--silent", "--retry", "10", "--retry-connrefused", "http://127.0.0.1:8000/hello.txt"); err != nil {
		return err
	}
	fmt.Println("published port", port)
	hello, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/hello.txt", port))
	if err != nil {
		return err
	}
	defer hello.Body.Close()
	_, err = io.Copy(os.Stdout, hello.Body)
	return err
}

func (d *demo) printFlows() error {
	audit, err := d.audit.StreamAuditEvents(d.ctx, &sluicev1.StreamAuditEventsRequest{SandboxIds: []string{d.id}})
	if err != nil {
		return err
	}
	for {
		item, err := audit.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		flow := item.GetEvent().GetFlow()
		switch flow.GetPhase() {
		case sluicev1.FlowEvent_PHASE_OPENED, sluicev1.FlowEvent_PHASE_DENIED:
			fmt.Printf("%s %s:%d, by %s\n", flow.Verdict.Action, flow.Remote.Address, flow.Remote.Port, flow.Verdict.RuleId)
		}
	}
}

func run(server, publicURL, privatePeer string) (err error) {
	conn, err := sluice.Dial(server)
	if err != nil {
		return err
	}
	defer conn.Close()
	d := &demo{
		ctx:       context.Background(),
		sandboxes: sluicev1.NewSandboxServiceClient(conn),
		guests:    sluicev1.NewGuestServiceClient(conn),
		audit:     sluicev1.NewAuditServiceClient(conn),
	}
	port, err := d.create()
	if err != nil {
		return err
	}
	defer func() {
		if deleted := d.delete(); err == nil {
			err = deleted
		}
	}()
	privateURL := "http://" + privatePeer + "/"
	for _, step := range []func() error{
		func() error { return d.fetch(publicURL) },
		func() error { return d.fetch(privateURL) },
		func() error { return d.allow(privatePeer) },
		func() error { return d.fetch(privateURL) },
		func() error { return d.writeFile("/tmp/hello.txt", "hello from inside the sandbox\n") },
		func() error { return d.fetchFromHost(port) },
		d.printFlows,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: quickstart SERVER [PUBLIC_URL [PRIVATE_IP:PORT]]")
	}
	args := []string{"", "http://example.com/", "10.1.2.3:80"}
	copy(args, os.Args[1:])
	if err := run(args[0], args[1], args[2]); err != nil {
		log.Fatal("quickstart: ", err)
	}
}

// The client against the server at SLUICE_SERVER, on the lab's host (tests/lab).

import assert from "node:assert/strict";
import { constants } from "node:os";
import { after, test } from "node:test";

import { type ServiceError, status } from "@grpc/grpc-js";

import { Policy, Sandbox, SandboxBuilder, connect } from "@sluice/client";

// curl's exits.
const CANNOT_RESOLVE = 6;
const CANNOT_CONNECT = 7;

const client = connect(process.env.SLUICE_SERVER!);
after(() => client.close());

async function assertRefused(call: Promise<unknown>, code: status, details = /./): Promise<void> {
  await assert.rejects(call, (error: ServiceError) => {
    assert.equal(error.code, code, String(error));
    assert.match(error.details, details);
    return true;
  });
}

async function exists(id: string): Promise<boolean> {
  try {
    return (await Sandbox.open(client, id)).id === id;
  } catch (error) {
    assert.equal((error as ServiceError).code, status.NOT_FOUND);
    return false;
  }
}

/** curl's exit. */
async function fetchFrom(sandbox: Sandbox, url: string): Promise<number> {
  return (await sandbox.exec(["curl", "--silent", "--max-time", "10", "--output", "/dev/null", url])).code;
}

test("a sandbox goes with its scope unless detached", async () => {
  {
    await using scoped = await new SandboxBuilder("scoped").create(client);
    assert.ok(await exists(scoped.id));
    await assertRefused(new SandboxBuilder("scoped").create(client), status.ALREADY_EXISTS);
  }
  assert.ok(!(await exists("scoped")));
  {
    await using kept = await new SandboxBuilder("kept").create(client);
    assert.equal(kept.detach(), "kept");
  }
  const kept = await Sandbox.open(client, "kept");
  await kept.delete();
  assert.ok(!(await exists("kept")));
  await kept.delete(); // gone already is well
});

test("programs run with input and output", async () => {
  await using sandbox = await new SandboxBuilder().create(client);
  const megabytes = Buffer.alloc(3 << 20, "x");
  const options = { env: { A: "b" }, cwd: "/tmp", input: megabytes };
  const result = await sandbox.exec(["sh", "-c", "cat; echo $A >&2; pwd >&2; exit 7"], options);
  assert.equal(result.code, 7);
  assert.equal(result.stderr.toString(), "b\n/tmp\n");
  assert.ok(result.stdout.equals(megabytes), String(result.stdout.length));
  assert.equal((await sandbox.exec(["sh", "-c", "kill -TERM $$"])).signal, constants.signals.SIGTERM);
  assert.equal((await sandbox.exec(["true"], { input: megabytes })).code, 0); // that nobody reads
  await assert.rejects(sandbox.exec(["cat", "/dev/zero"], { maxOutputBytes: 1000 }), RangeError);
  await assertRefused(sandbox.exec(["sleep", "60"], { timeoutMs: 1000 }), status.DEADLINE_EXCEEDED);
});

test("a program is talked with", async () => {
  await using sandbox = await new SandboxBuilder().create(client);
  let answered = () => {};
  const answer = new Promise<void>((resolve) => (answered = resolve));
  async function* lines() {
    yield Buffer.from("first\n");
    await answer;
    yield Buffer.from("second\n");
  }
  await using shell = sandbox.start(["sh", "-c", 'while read line; do echo "got $line"; done'], { input: lines() });
  let said = "";
  for await (const { stream, data } of shell) {
    assert.equal(stream, "stdout");
    said += data.toString();
    answered();
  }
  assert.equal(said, "got first\ngot second\n");
  assert.equal(shell.code, 0);
});

test("input that fails ends the program", async () => {
  await using sandbox = await new SandboxBuilder().create(client);
  async function* broken() {
    yield Buffer.from("first\n");
    throw new Error("out of input");
  }
  await assert.rejects(sandbox.exec(["cat"], { input: broken() }), /out of input/);
});

test("files are written and read", async () => {
  await using sandbox = await new SandboxBuilder().create(client);
  const script = `#!/bin/sh\necho ran\n${"#".repeat(100_000)}`;
  await sandbox.writeFile("/tmp/run.sh", script, 0o755);
  assert.equal((await sandbox.readFile("/tmp/run.sh")).toString(), script);
  assert.equal((await sandbox.exec(["/tmp/run.sh"])).stdout.toString(), "ran\n");
  await assert.rejects(sandbox.readFile("/tmp/run.sh", 1000), RangeError);
  await assertRefused(sandbox.readFile("/tmp/none"), status.NOT_FOUND);
  await assertRefused(sandbox.writeFile("/none/x", script), status.NOT_FOUND);
});

test("allow is an allow list, and a policy is changed at once", async () => {
  await using sandbox = await new SandboxBuilder().allow("10.1.2.3:80").create(client);
  assert.equal(await fetchFrom(sandbox, "http://10.1.2.3/"), 0);
  assert.equal(await fetchFrom(sandbox, "http://93.184.216.34/"), CANNOT_CONNECT);
  assert.equal(await sandbox.setNetworkPolicy(new Policy().deny("10.0.0.0/8")), 2);
  assert.equal(await fetchFrom(sandbox, "http://93.184.216.34/"), 0);
  assert.equal(await fetchFrom(sandbox, "http://10.1.2.3/"), CANNOT_CONNECT);
});

test("a blocked name is refused under every policy", async () => {
  const url = "http://web.example.com/hello";
  await using blocked = await new SandboxBuilder().block("*.web.example.com").preset("allow_all").create(client);
  assert.equal(await fetchFrom(blocked, url), CANNOT_RESOLVE);
  await blocked.setNetworkPolicy(new Policy().allow("web.example.com"));
  assert.equal(await fetchFrom(blocked, url), CANNOT_RESOLVE);
  await using unblocked = await new SandboxBuilder().allow("web.example.com").create(client);
  assert.equal(await fetchFrom(unblocked, url), 0);
});

test("ports come and go", async () => {
  await using sandbox = await new SandboxBuilder().port(0, 80).portUdp(0, 53).create(client);
  const [tcp, udp] = await sandbox.ports();
  assert.equal(udp?.protocol, "PROTOCOL_UDP");
  await assertRefused(sandbox.publishPort(tcp!.hostPort, 81), status.ALREADY_EXISTS);
  const published = await sandbox.publishPort(0, 53, "udp");
  assert.notEqual(published.hostPort, 0);
  await sandbox.unpublishPort(published);
  await assertRefused(sandbox.unpublishPort(published), status.NOT_FOUND);
});

test("audit goes on after a cursor", async () => {
  await using sandbox = await new SandboxBuilder().create(client);
  const filter = { action: "ACTION_DENY" } as const;
  const denied = async (options: { cursor?: string; follow?: boolean }) => {
    for await (const item of sandbox.audit({ filter, ...options })) {
      return { address: item.event?.flow?.remote?.address, cursor: item.cursor };
    }
    return assert.fail("nothing was denied");
  };
  assert.equal(await fetchFrom(sandbox, "http://10.1.2.3/"), CANNOT_CONNECT);
  const first = await denied({});
  assert.equal(first.address, "10.1.2.3");
  assert.equal(await fetchFrom(sandbox, "http://172.20.0.1/"), CANNOT_CONNECT);
  assert.equal((await denied({ cursor: first.cursor, follow: true })).address, "172.20.0.1");
});

test("errors are the server's own", async () => {
  await assertRefused(new SandboxBuilder("Not-An-Id").create(client), status.INVALID_ARGUMENT, /sandbox\.id: /);
  const amended = new SandboxBuilder().create(client, (sandbox) => (sandbox.network!.dns!.blockLists = ["none"]));
  await assertRefused(amended, status.INVALID_ARGUMENT, /block_lists/);
  await using sandbox = await new SandboxBuilder().create(client);
  await assertRefused(sandbox.exec(["nope"]), status.NOT_FOUND, /there is no program nope/);
  using nowhere = connect("unix:/nowhere/api.sock");
  await assertRefused(new SandboxBuilder().create(nowhere), status.UNAVAILABLE);
});

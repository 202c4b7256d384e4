// What deploy/quickstart.sh shows, from TypeScript:
//
//     quickstart SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]
//
// makes a sandbox with the default policy, fetches from inside it, changes the
// policy under it, reaches it through a published port, and reads back what
// happened.

import { Policy, SandboxBuilder, connect, type Sandbox } from "@sluice/client";

/** Fetches from inside the sandbox, and says how that went. */
async function fetchFrom(sandbox: Sandbox, url: string): Promise<void> {
  const curl = ["curl", "--silent", "--show-error", "--output", "/dev/null", "--max-time", "10", url];
  const { code, stderr } = await sandbox.exec(curl);
  console.log(code === 0 ? "reached" : "refused", url);
  process.stdout.write(stderr);
}

async function main(server: string, publicUrl = "http://example.com/", privatePeer = "10.1.2.3:80"): Promise<void> {
  using client = connect(server);
  await using sandbox = await new SandboxBuilder()
    .args("python3", "-m", "http.server", "8000", "--directory", "/tmp")
    .port(0, 8000)
    .create(client);
  await fetchFrom(sandbox, publicUrl);
  await fetchFrom(sandbox, `http://${privatePeer}/`);

  await sandbox.setNetworkPolicy(new Policy().preset("public_only").allow(privatePeer));
  await fetchFrom(sandbox, `http://${privatePeer}/`);

  await sandbox.writeFile("/tmp/hello.txt", "hello from inside the sandbox\n");
  // Until the guest's server listens.
  await sandbox.exec(["curl", "--silent", "--retry", "10", "--retry-connrefused", "http://127.0.0.1:8000/hello.txt"]);
  const [port] = await sandbox.ports();
  console.log("published port", port!.hostPort);
  const hello = await fetch(`http://127.0.0.1:${port!.hostPort}/hello.txt`);
  process.stdout.write(await hello.text());

  for await (const { event } of sandbox.audit()) {
    const flow = event?.flow;
    if (flow?.phase !== "PHASE_OPENED" && flow?.phase !== "PHASE_DENIED") continue;
    console.log(`${flow.verdict?.action} ${flow.remote?.address}:${flow.remote?.port}, by ${flow.verdict?.ruleId}`);
  }
}

const [server, ...urls] = process.argv.slice(2);
if (server === undefined) {
  console.error("usage: quickstart SERVER [PUBLIC_URL [PRIVATE_HOST:PORT]]");
  process.exit(2);
}
await main(server, ...urls);

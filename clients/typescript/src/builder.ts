import { resolve } from "node:path";

import { answer, inTime, type Client } from "./client.js";
import type { CreateSandboxResponse__Output } from "./gen/sluice/v1/CreateSandboxResponse.js";
import type { DnsConfig } from "./gen/sluice/v1/DnsConfig.js";
import type { OciGuest } from "./gen/sluice/v1/OciGuest.js";
import type { PortMapping } from "./gen/sluice/v1/PortMapping.js";
import type { Sandbox as SandboxMessage } from "./gen/sluice/v1/Sandbox.js";
import { Policy } from "./policy.js";
import { checkDomain, type PresetWord } from "./rules.js";
import { Sandbox } from "./sandbox.js";

/**
 * Says what a sandbox is to be, and makes it.
 *
 *     await using web = await new SandboxBuilder("web")
 *       .rootfs("/srv/rootfs").port(8080, 80).portUdp(5353, 53)
 *       .allow("*.pypi.org").block("*.tracking.com")
 *       .create(client);
 *
 * Without a word about the network it has the preset public_only: the public
 * Internet, and nothing else.
 */
export class SandboxBuilder {
  readonly #id: string;
  readonly #labels: Record<string, string> = {};
  readonly #oci: OciGuest & { env: Record<string, string> } = { env: {} };
  readonly #ports: PortMapping[] = [];
  readonly #blocked: string[] = [];
  readonly #policy = new Policy();

  /** Without an id the server makes one up. */
  constructor(id = "") {
    this.#id = id;
  }

  /**
   * The guest's root directory on the server's host; left out, the host's own
   * root, read-only, under a private layer. Taken from this process's working
   * directory unless it is absolute.
   */
  rootfs(directory: string): this {
    this.#oci.rootfs = resolve(directory);
    return this;
  }

  /** The guest's first process, with whose end the sandbox stops; left out, an idle one. */
  args(...args: string[]): this {
    this.#oci.args = args;
    return this;
  }

  env(name: string, value: string): this {
    this.#oci.env[name] = value;
    return this;
  }

  workingDirectory(directory: string): this {
    this.#oci.workingDirectory = directory;
    return this;
  }

  /** "uid[:gid]"; left out, an unprivileged user. */
  user(user: string): this {
    this.#oci.user = user;
    return this;
  }

  memoryBytes(count: number): this {
    this.#oci.memoryBytes = count;
    return this;
  }

  label(key: string, value: string): this {
    this.#labels[key] = value;
    return this;
  }

  /** Lets the host's 127.0.0.1:hostPort reach the guest's; 0: any that is free (Sandbox.ports). */
  port(hostPort: number, guestPort: number): this {
    this.#ports.push({ protocol: "PROTOCOL_TCP", hostPort, guestPort });
    return this;
  }

  portUdp(hostPort: number, guestPort: number): this {
    this.#ports.push({ protocol: "PROTOCOL_UDP", hostPort, guestPort });
    return this;
  }

  /**
   * As in Policy, like the two that follow: the first allow() makes it an allow
   * list, unless this says otherwise.
   */
  preset(word: PresetWord): this {
    this.#policy.preset(word);
    return this;
  }

  allow(rule: string): this {
    this.#policy.allow(rule);
    return this;
  }

  deny(rule: string): this {
    this.#policy.deny(rule);
    return this;
  }

  /**
   * A name ("example.com", or "*.example.com" with all below it) that is never
   * resolved nor spoken to (TLS, HTTP, QUIC), whatever preset and rules say, and
   * whatever policy is set later: dns.blockedDomains. An address is deny()'s.
   */
  block(name: string): this {
    checkDomain(name);
    this.#blocked.push(name);
    return this;
  }

  /** What create() asks for. */
  build(): SandboxMessage {
    const dns: DnsConfig = { blockedDomains: [...this.#blocked] };
    return {
      id: this.#id,
      labels: { ...this.#labels },
      guest: { oci: { ...this.#oci, env: { ...this.#oci.env } } },
      network: { policy: this.#policy.build(), ports: [...this.#ports], dns },
    };
  }

  /**
   * Returns once the guest runs and its network enforces the policy. What has no
   * word here is said of the message:
   *
   *     builder.create(client, (sandbox) => { sandbox.network!.dns!.blockLists = ["ads"]; });
   */
  async create(client: Client, amend: (sandbox: SandboxMessage) => void = () => {}): Promise<Sandbox> {
    const sandbox = this.build();
    amend(sandbox);
    const created = await answer<CreateSandboxResponse__Output>((done) =>
      client.sandboxes.createSandbox({ sandbox }, inTime(), done),
    );
    return new Sandbox(client, created.sandbox!.id);
  }
}

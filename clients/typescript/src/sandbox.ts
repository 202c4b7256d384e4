import { type ServiceError, status } from "@grpc/grpc-js";

import { answer, answers, inTime, type Client } from "./client.js";
import type { AuditFilter } from "./gen/sluice/v1/AuditFilter.js";
import type { GetSandboxResponse__Output } from "./gen/sluice/v1/GetSandboxResponse.js";
import type { NetworkPolicy } from "./gen/sluice/v1/NetworkPolicy.js";
import type { PortMapping, PortMapping__Output } from "./gen/sluice/v1/PortMapping.js";
import type { PublishPortResponse__Output } from "./gen/sluice/v1/PublishPortResponse.js";
import type { ReadFileResponse__Output } from "./gen/sluice/v1/ReadFileResponse.js";
import type { Sandbox__Output } from "./gen/sluice/v1/Sandbox.js";
import type { SetNetworkPolicyResponse__Output } from "./gen/sluice/v1/SetNetworkPolicyResponse.js";
import type { StreamAuditEventsResponse__Output } from "./gen/sluice/v1/StreamAuditEventsResponse.js";
import { Policy } from "./policy.js";
import { Process, type ExecOptions, type ExecResult } from "./process.js";

const CHUNK_BYTES = 32 << 10;
const MAX_BYTES = 64 << 20;

/**
 * What the network did: an `event`, or `lost` where the log no longer holds what
 * should come next; and the `cursor` that goes on after it.
 */
export type AuditItem = StreamAuditEventsResponse__Output;

export interface AuditOptions {
  /** Of an earlier item. Left out: from the oldest that is held. */
  cursor?: string;
  /** Goes on with what comes, until the loop is left. */
  follow?: boolean;
  filter?: AuditFilter;
}

/** Made by SandboxBuilder.create; with `await using` it is deleted at the scope's end, unless detached. */
export class Sandbox implements AsyncDisposable {
  readonly id: string;
  readonly #client: Client;
  #detached = false;

  /** @internal */
  constructor(client: Client, id: string) {
    this.#client = client;
    this.id = id;
  }

  /** One that exists, detached. NOT_FOUND. */
  static async open(client: Client, id: string): Promise<Sandbox> {
    const sandbox = new Sandbox(client, id);
    sandbox.detach();
    await sandbox.get();
    return sandbox;
  }

  /** The sandbox as it is now: state, addresses, host ports. */
  async get(): Promise<Sandbox__Output> {
    const response = await answer<GetSandboxResponse__Output>((done) =>
      this.#client.sandboxes.getSandbox({ sandboxId: this.id }, inTime(), done),
    );
    return response.sandbox!;
  }

  /** The published ports, each with the host port that was bound. */
  async ports(): Promise<PortMapping__Output[]> {
    return (await this.get()).networkStatus?.ports ?? [];
  }

  /** Starts a program: Process has its output as it comes. */
  start(args: string[], options: ExecOptions = {}): Process {
    const { env = {}, cwd = "", user = "" } = options;
    return new Process(this.#client, { sandboxId: this.id, args, env, workingDirectory: cwd, user }, options);
  }

  /**
   * Runs a program to its end. That it failed is a result, not an error.
   *
   *     console.log((await web.exec(["id"], { user: "1000" })).stdout.toString());
   */
  exec(args: string[], options: ExecOptions & { maxOutputBytes?: number } = {}): Promise<ExecResult> {
    return this.start(args, options).collect(options.maxOutputBytes ?? MAX_BYTES);
  }

  /** A file of the guest's, whole. RangeError past `maxBytes`. */
  async readFile(path: string, maxBytes = MAX_BYTES): Promise<Buffer> {
    const call = this.#client.guests.readFile({ sandboxId: this.id, path }, inTime());
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const { data } of answers<ReadFileResponse__Output>(call)) {
      bytes += data.length;
      if (bytes > maxBytes) throw new RangeError(`${path} is larger than ${maxBytes} bytes`);
      pieces.push(data as Buffer);
    }
    return Buffer.concat(pieces);
  }

  /** Makes or replaces a file: it appears whole, or not at all. */
  async writeFile(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
    const bytes = Buffer.from(data);
    await answer((done) => {
      const call = this.#client.guests.writeFile(inTime(), done);
      call.write({ open: { sandboxId: this.id, path, mode } });
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        call.write({ data: bytes.subarray(at, at + CHUNK_BYTES) });
      }
      call.end();
    });
  }

  /**
   * Replaces the policy, at once and whole; open flows that it denies are ended.
   * Returns its generation.
   *
   *     await web.setNetworkPolicy(new Policy().allow("10.0.0.5:5432/tcp"));
   */
  async setNetworkPolicy(policy: Policy | NetworkPolicy): Promise<number> {
    const request = { sandboxId: this.id, policy: policy instanceof Policy ? policy.build() : policy };
    const response = await answer<SetNetworkPolicyResponse__Output>((done) =>
      this.#client.sandboxes.setNetworkPolicy(request, inTime(), done),
    );
    return response.policyGeneration;
  }

  /**
   * Lets a port of the host reach the guest's; 0: any that is free. Returns the
   * mapping with the port that was bound. ALREADY_EXISTS where it is taken.
   */
  async publishPort(hostPort: number, guestPort: number, protocol: "tcp" | "udp" = "tcp"): Promise<PortMapping__Output> {
    const port: PortMapping = { hostPort, guestPort, protocol: protocol === "udp" ? "PROTOCOL_UDP" : "PROTOCOL_TCP" };
    const response = await answer<PublishPortResponse__Output>((done) =>
      this.#client.sandboxes.publishPort({ sandboxId: this.id, port }, inTime(), done),
    );
    return response.port!;
  }

  /** Closes it, and what came through it. */
  async unpublishPort(port: PortMapping): Promise<void> {
    await answer((done) => this.#client.sandboxes.unpublishPort({ sandboxId: this.id, port }, inTime(), done));
  }

  /**
   * What its network did, one by one.
   *
   *     for await (const item of web.audit({ follow: true })) console.log(item.event?.flow?.remote?.address);
   */
  async *audit(options: AuditOptions = {}): AsyncGenerator<AuditItem> {
    const call = this.#client.audit.streamAuditEvents({ sandboxIds: [this.id], ...options });
    for await (const item of answers<AuditItem>(call)) {
      if (!item.heartbeat) yield item;
    }
  }

  /** Ends it now; gone already is well. */
  async delete(): Promise<void> {
    try {
      await answer((done) => this.#client.sandboxes.deleteSandbox({ sandboxId: this.id }, inTime(), done));
    } catch (error) {
      if ((error as ServiceError).code !== status.NOT_FOUND) throw error;
    }
  }

  /** Leaves it running at the scope's end; Sandbox.open finds it by the id that is returned. */
  detach(): string {
    this.#detached = true;
    return this.id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#detached) await this.delete();
  }
}

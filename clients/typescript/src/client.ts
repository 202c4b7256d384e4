import { fileURLToPath } from "node:url";

import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

import type { ProtoGrpcType as AuditTypes } from "./gen/audit_service.js";
import type { ProtoGrpcType as GuestTypes } from "./gen/guest_service.js";
import type { ProtoGrpcType as SandboxTypes } from "./gen/sandbox_service.js";
import type { AuditServiceClient } from "./gen/sluice/v1/AuditService.js";
import type { GuestServiceClient } from "./gen/sluice/v1/GuestService.js";
import type { SandboxServiceClient } from "./gen/sluice/v1/SandboxService.js";

/** Of one answer: a policy of 65,536 rules and 10,000 blocked domains fits. */
const MAX_MESSAGE_BYTES = 64 << 20;
/** Starting and ending a guest included. */
const CALL_TIMEOUT_MS = 60_000;

// The options of package.json's "types" script, so that messages are as typed.
const definition = loadSync(
  ["sandbox_service", "audit_service", "guest_service"].map((name) => `sluice/v1/${name}.proto`),
  {
    includeDirs: [fileURLToPath(new URL("../../protos", import.meta.url))],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  },
);
const services = (grpc.loadPackageDefinition(definition) as unknown as AuditTypes & GuestTypes & SandboxTypes).sluice
  .v1;

/** The services of one server, on one connection: any number of sandboxes share it. */
export interface Client extends Disposable {
  readonly sandboxes: SandboxServiceClient;
  readonly guests: GuestServiceClient;
  readonly audit: AuditServiceClient;
  close(): void;
}

/** A server at "unix:PATH" or "HOST:PORT". It connects with the first call. */
export function connect(server: string, credentials = grpc.credentials.createInsecure()): Client {
  const sandboxes = new services.SandboxService(server, credentials, {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    // http_proxy is for the web, not for the way to our own server.
    "grpc.enable_http_proxy": 0,
  });
  const shared = { channelOverride: sandboxes.getChannel() };
  const close = () => sandboxes.close();
  return {
    sandboxes,
    guests: new services.GuestService(server, credentials, shared),
    audit: new services.AuditService(server, credentials, shared),
    close,
    [Symbol.dispose]: close,
  };
}

/** The options of a call that ends by itself. */
export function inTime(): grpc.CallOptions {
  return { deadline: Date.now() + CALL_TIMEOUT_MS };
}

/** A call's answer, as a promise. */
export function answer<Response>(start: (done: grpc.requestCallback<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => (error ? reject(error) : resolve(response as Response)));
  });
}

/** A call's answers, one by one; leaving the loop ends the call. */
export async function* answers<Response>(call: grpc.ClientReadableStream<Response>): AsyncGenerator<Response> {
  // An error is told by the iterator, and by nobody once the loop was left.
  call.on("error", () => {});
  try {
    yield* call as AsyncIterable<Response>;
  } finally {
    call.cancel();
  }
}

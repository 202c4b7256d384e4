/**
 * Sandboxes with a network of their own, of a Sluice server.
 *
 *     import { SandboxBuilder, connect } from "@sluice/client";
 *
 *     using client = connect("unix:/run/sluice.sock");
 *     await using web = await new SandboxBuilder("web").port(8080, 80).allow("*.pypi.org").create(client);
 *     console.log((await web.exec(["pip", "download", "six"], { cwd: "/tmp" })).stderr.toString());
 *     for await (const item of web.audit()) console.log(item.event);
 *
 * What a server refuses rejects with grpc-js's ServiceError: its code, and as
 * details one sentence that names the field. Words that are wrong throw TypeError.
 */
export { SandboxBuilder } from "./builder.js";
export { connect, type Client } from "./client.js";
export { Policy } from "./policy.js";
export { type ExecOptions, type ExecResult, type Output, type Process } from "./process.js";
export { parseRule, type PresetWord } from "./rules.js";
export { Sandbox, type AuditItem, type AuditOptions } from "./sandbox.js";

export type { AuditEvent__Output as AuditEvent } from "./gen/sluice/v1/AuditEvent.js";
export type { AuditFilter } from "./gen/sluice/v1/AuditFilter.js";
export type { NetworkPolicy } from "./gen/sluice/v1/NetworkPolicy.js";
export type { PortMapping__Output as PortMapping } from "./gen/sluice/v1/PortMapping.js";
export type { Rule } from "./gen/sluice/v1/Rule.js";
export type { Sandbox as SandboxMessage, Sandbox__Output as SandboxStatus } from "./gen/sluice/v1/Sandbox.js";

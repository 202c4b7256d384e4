import { isIP } from "node:net";

import { AddressGroup } from "./gen/sluice/v1/AddressGroup.js";
import { Preset } from "./gen/sluice/v1/Preset.js";
import { Protocol } from "./gen/sluice/v1/Protocol.js";
import type { Peer } from "./gen/sluice/v1/Peer.js";
import type { PortRange } from "./gen/sluice/v1/PortRange.js";
import type { Rule } from "./gen/sluice/v1/Rule.js";

export type PresetWord = "none" | "public_only" | "allow_all" | "allowlist" | "denylist";

const RULE = new RegExp(
  "^(?:\\[(?<bracketed>[^\\]]*)\\]|(?<v6>[^[\\]]*:[^[\\]]*:[^[\\]/]*(?:/\\d+)?)|(?<peer>[^[\\]:]*?))" +
    "(?::(?<ports>[0-9,-]+))?(?:/(?<protocol>[A-Za-z]\\w*))?$",
);
const DOMAIN = /^(\*\.)?[^.*:/\s]{1,63}(\.[^.*:/\s]{1,63})*\.?$/;

/**
 * An egress rule from PEER[:PORTS][/PROTOCOL].
 *
 * PEER is any; a group (public, host, private, ...); an address or a prefix
 * (IPv6 in brackets before ports: [2001:db8::/32]:443); example.com or
 * *.example.com. PORTS are 443, 8000-8100 or 80,443; PROTOCOL is tcp, udp or
 * icmp. TypeError quotes what is wrong.
 */
export function parseRule(action: "ACTION_ALLOW" | "ACTION_DENY", text: string): Rule {
  return quoting(text, () => {
    const parts = RULE.exec(text)?.groups;
    if (!parts) throw new TypeError("a rule is PEER[:PORTS][/PROTOCOL]");
    const rule: Rule = { action };
    const peer = parsePeer(parts.bracketed ?? parts.v6 ?? parts.peer ?? "");
    if (peer) rule.peers = [peer];
    if (parts.protocol) rule.protocols = [enumValue(Protocol, "PROTOCOL_", parts.protocol)];
    if (parts.ports) rule.ports = parts.ports.split(",").map(parsePorts);
    if (rule.ports && rule.protocols?.[0] === "PROTOCOL_ICMP") throw new TypeError("icmp has no ports");
    return rule;
  });
}

/** PRESET_PUBLIC_ONLY for "public_only" or "public-only", in any case. */
export function parsePreset(word: PresetWord): Preset {
  return enumValue(Preset, "PRESET_", word);
}

/** TypeError unless `text` is shaped like example.com or *.example.com; the server judges the rest. */
export function checkDomain(text: string): void {
  quoting(text, () => {
    if (isAddress(text)) throw new TypeError("an address, which deny() refuses, and no name");
    requireDomain(text);
  });
}

function parsePeer(text: string): Peer | undefined {
  if (text === "") throw new TypeError('the peer is missing; "any" means every one');
  if (text.toLowerCase() === "any") return undefined;
  if (isAddress(text)) {
    requirePrefix(text);
    return { cidr: text };
  }
  const group = findValue(AddressGroup, "ADDRESS_GROUP_", text);
  if (group) return { group };
  requireDomain(text);
  return { domain: text };
}

function parsePorts(text: string): PortRange {
  const ends = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(ends?.[1] ?? 0);
  const last = Number(ends?.[2] ?? first);
  if (first < 1 || last < first || last > 65535) {
    throw new TypeError(`"${text}" is not a port (1 to 65535) or a range such as 8000-8100`);
  }
  return last === first ? { first } : { first, last };
}

/** An address or a prefix, or what means to be one. */
function isAddress(text: string): boolean {
  return /^[0-9.]*$/.test(text) || /[:/]/.test(text);
}

/** That bits past the length are zero is for the server to see. */
function requirePrefix(text: string): void {
  const [address = "", length = "0", ...rest] = text.split("/");
  const bits = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > bits) {
    throw new TypeError("neither an address nor a prefix");
  }
}

function requireDomain(text: string): void {
  if (!DOMAIN.test(text)) throw new TypeError("neither example.com nor *.example.com");
}

function findValue<E extends string>(values: Record<string, E>, prefix: string, word: string): E | undefined {
  const name = prefix + word.toUpperCase().replaceAll("-", "_");
  return name === `${prefix}UNSPECIFIED` ? undefined : values[name];
}

function enumValue<E extends string>(values: Record<string, E>, prefix: string, word: string): E {
  const value = findValue(values, prefix, word);
  if (value) return value;
  const words = Object.keys(values).map((name) => name.slice(prefix.length).toLowerCase());
  throw new TypeError(`${word} is not one of ${words.filter((w) => w !== "unspecified").join(", ")}`);
}

function quoting<T>(text: string, parse: () => T): T {
  try {
    return parse();
  } catch (problem) {
    throw new TypeError(`"${text}": ${(problem as Error).message}`);
  }
}

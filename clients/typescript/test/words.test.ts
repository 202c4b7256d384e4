// The words, without a server. The table of rules is every client's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Policy, SandboxBuilder, parseRule, type PresetWord, type Rule } from "@sluice/client";

interface Table {
  good: { text: string; rule: Rule }[];
  bad: string[];
}
const table = JSON.parse(readFileSync(new URL("../../../testdata/rules.json", import.meta.url), "utf8")) as Table;

test("reads rules", () => {
  assert.ok(table.good.length > 0);
  for (const { text, rule } of table.good) {
    assert.deepEqual(parseRule("ACTION_ALLOW", text), { action: "ACTION_ALLOW", ...rule });
  }
});

test("quotes what it refuses", () => {
  assert.ok(table.bad.length > 0);
  for (const text of table.bad) {
    assert.throws(
      () => parseRule("ACTION_DENY", text),
      (error: Error) => error instanceof TypeError && error.message.startsWith(`"${text}": `),
      text,
    );
  }
});

test("a builder reads like a sentence", () => {
  const builder = new SandboxBuilder("web").rootfs("/srv/../srv/root").port(8080, 80).portUdp(5353, 53);
  assert.deepEqual(builder.allow("*.pypi.org").block("*.tracking.com").build(), {
    id: "web",
    labels: {},
    guest: { oci: { rootfs: "/srv/root", env: {} } },
    network: {
      policy: { preset: "PRESET_ALLOWLIST", rules: [{ action: "ACTION_ALLOW", peers: [{ domain: "*.pypi.org" }] }] },
      ports: [
        { protocol: "PROTOCOL_TCP", hostPort: 8080, guestPort: 80 },
        { protocol: "PROTOCOL_UDP", hostPort: 5353, guestPort: 53 },
      ],
      dns: { blockedDomains: ["*.tracking.com"] },
    },
  });
});

test("a builder describes the guest", () => {
  const builder = new SandboxBuilder().args("sleep", "9").env("A", "b").workingDirectory("/tmp").user("7:8");
  const { guest, labels } = builder.memoryBytes(1 << 20).label("team", "ci").build();
  assert.deepEqual(labels, { team: "ci" });
  assert.deepEqual(guest?.oci, {
    args: ["sleep", "9"],
    env: { A: "b" },
    workingDirectory: "/tmp",
    user: "7:8",
    memoryBytes: 1 << 20,
  });
});

test("a builder quotes what is wrong", () => {
  assert.throws(() => new SandboxBuilder().block("a..b"), TypeError);
  assert.throws(() => new SandboxBuilder().block("10.0.0.1"), /"10.0.0.1": an address, which deny\(\) refuses/);
  assert.throws(() => new SandboxBuilder().allow("http://x"), TypeError);
  assert.throws(() => new SandboxBuilder().preset("everything" as PresetWord), TypeError);
});

test("an allow makes it an allow list unless a preset is said", () => {
  assert.equal(new Policy().build().preset, "PRESET_PUBLIC_ONLY");
  assert.equal(new Policy().deny("10.0.0.1").build().preset, "PRESET_PUBLIC_ONLY");
  assert.equal(new Policy().deny("10.0.0.1").allow("private").build().preset, "PRESET_ALLOWLIST");
  assert.equal(new Policy().allow("10.0.0.1").preset("public_only").build().preset, "PRESET_PUBLIC_ONLY");
  assert.equal(new Policy().preset("none").build().preset, "PRESET_NONE");
});

test("a policy keeps the order of its rules", () => {
  const { rules, denyResponse } = new Policy().allow("10.0.0.1").deny("private").drop().build();
  assert.deepEqual(rules?.map((rule) => rule.action), ["ACTION_ALLOW", "ACTION_DENY"]);
  assert.equal(denyResponse, "DENY_RESPONSE_DROP");
});

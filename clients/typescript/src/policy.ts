import type { NetworkPolicy } from "./gen/sluice/v1/NetworkPolicy.js";
import type { Rule } from "./gen/sluice/v1/Rule.js";
import { parsePreset, parseRule, type PresetWord } from "./rules.js";

/**
 * A network policy, said as a sentence.
 *
 *     new Policy().allow("*.pypi.org:443").deny("10.0.0.13").allow("10.0.0.0/8:5432/tcp")
 *
 * Rules are PEER[:PORTS][/PROTOCOL], as parseRule has it and as `sluice run
 * --allow` takes them. The first that matches decides, in the order of the
 * calls; then the preset. Left out, that is allowlist where there is an
 * allow(), so that nothing else is allowed, and public_only where there is none.
 * To open something beside the public Internet, say so:
 *
 *     new Policy().preset("public_only").allow("10.0.0.5:5432")
 */
export class Policy {
  #preset: NetworkPolicy["preset"];
  #drops = false;
  readonly #rules: Rule[] = [];

  preset(word: PresetWord): this {
    this.#preset = parsePreset(word);
    return this;
  }

  allow(rule: string): this {
    this.#rules.push(parseRule("ACTION_ALLOW", rule));
    return this;
  }

  deny(rule: string): this {
    this.#rules.push(parseRule("ACTION_DENY", rule));
    return this;
  }

  /** Denied packets get no answer, instead of a refusal at once. */
  drop(): this {
    this.#drops = true;
    return this;
  }

  build(): NetworkPolicy {
    const allows = this.#rules.some((rule) => rule.action === "ACTION_ALLOW");
    return {
      preset: this.#preset ?? (allows ? "PRESET_ALLOWLIST" : "PRESET_PUBLIC_ONLY"),
      rules: [...this.#rules],
      ...(this.#drops && { denyResponse: "DENY_RESPONSE_DROP" as const }),
    };
  }
}

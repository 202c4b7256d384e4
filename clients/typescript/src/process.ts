import { Readable, type Writable } from "node:stream";

import type { ClientDuplexStream } from "@grpc/grpc-js";

import { answers, type Client } from "./client.js";
import type { ExecRequest } from "./gen/sluice/v1/ExecRequest.js";
import type { ExecResponse__Output } from "./gen/sluice/v1/ExecResponse.js";
import type { ExecStart } from "./gen/sluice/v1/ExecStart.js";

const CHUNK_BYTES = 32 << 10;

export interface ExecOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** "uid[:gid]"; left out, the guest's own. */
  user?: string;
  /** What it finds on its standard input; read as the program takes it. */
  input?: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Past it the program is killed: DEADLINE_EXCEEDED. */
  timeoutMs?: number;
}

/** How a program ended, and what it said. */
export interface ExecResult {
  code: number;
  /** Where a signal ended it, else 0. */
  signal: number;
  stdout: Buffer;
  stderr: Buffer;
}

/** A piece of what a program says. */
export interface Output {
  stream: "stdout" | "stderr";
  data: Buffer;
}

/**
 * A program that runs: its output, piece by piece, then code and signal.
 *
 *     await using make = web.start(["make"]);
 *     for await (const { data } of make) process.stdout.write(data);
 *     console.log(make.code);
 *
 * Leaving the scope, or kill(), ends it.
 */
export class Process implements AsyncIterable<Output>, AsyncDisposable {
  /** Once it has ended. */
  code: number | undefined;
  signal: number | undefined;
  readonly #call: ClientDuplexStream<ExecRequest, ExecResponse__Output>;
  readonly #requests: Readable;
  #inputError: Error | undefined;

  /** @internal */
  constructor(client: Client, start: ExecStart, options: ExecOptions) {
    const timeout = options.timeoutMs;
    this.#call = client.guests.exec(timeout === undefined ? {} : { deadline: Date.now() + timeout });
    this.#call.on("error", () => {}); // told by the iterator
    this.#requests = Readable.from(requests(start, options.input ?? ""));
    this.#requests.on("error", (error) => {
      this.#inputError = error;
      this.kill();
    });
    this.#requests.pipe(this.#call as unknown as Writable);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Output> {
    try {
      for await (const response of answers(this.#call)) {
        if (response.item === "stdout" || response.item === "stderr") {
          yield { stream: response.item, data: response[response.item] as Buffer };
        } else if (response.exit) {
          ({ code: this.code, signal: this.signal } = response.exit);
        }
      }
    } catch (error) {
      throw this.#inputError ?? error;
    } finally {
      this.#requests.destroy();
    }
  }

  /** Ends the program and its group; then iteration rejects with CANCELLED. */
  kill(): void {
    this.#call.cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
  }

  /** Waits for its end. RangeError, and its end, where it says more than that. */
  async collect(maxOutputBytes: number): Promise<ExecResult> {
    const said: Record<Output["stream"], Buffer[]> = { stdout: [], stderr: [] };
    let bytes = 0;
    for await (const { stream, data } of this) {
      bytes += data.length;
      if (bytes > maxOutputBytes) {
        throw new RangeError(`the program says more than ${maxOutputBytes} bytes: start() has them piecewise`);
      }
      said[stream].push(data);
    }
    if (this.code === undefined || this.signal === undefined) {
      throw new Error("the call ended without the program's exit");
    }
    const { code, signal } = this;
    return { code, signal, stdout: Buffer.concat(said.stdout), stderr: Buffer.concat(said.stderr) };
  }
}

async function* requests(start: ExecStart, input: NonNullable<ExecOptions["input"]>): AsyncGenerator<ExecRequest> {
  yield { start };
  const pieces = typeof input === "string" || input instanceof Uint8Array ? [Buffer.from(input)] : input;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
      yield { stdin: Buffer.from(piece.subarray(at, at + CHUNK_BYTES)) };
    }
  }
  yield { stdinClosed: true };
}

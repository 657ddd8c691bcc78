import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@playwright/test';

const binary = process.env['ORDERWIRE_SERVER'] ?? fileURLToPath(new URL('../../bin/server', import.meta.url));

/** Go durations of the pipeline's steps. */
export interface Pace {
  readonly payment: string;
  readonly delivery: string;
}

/** The real server with its own private database, on a port of its own. */
export class Server {
  readonly #port: number;
  readonly #data: string;
  readonly #pace: Pace;
  #process: ChildProcess | null = null;
  #log = '';

  private constructor(port: number, pace: Pace) {
    this.#port = port;
    this.#pace = pace;
    this.#data = mkdtempSync(path.join(tmpdir(), 'orderwire-e2e-'));
  }

  static async start(pace: Pace): Promise<Server> {
    const server = new Server(await freePort(), pace);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it, again if need be, on the same port and data. */
  async start(): Promise<void> {
    const child = spawn(binary, {
      env: {
        ...process.env,
        ADDR: `127.0.0.1:${this.#port}`,
        ADMIN_ADDR: '',
        DATA_DIR: this.#data,
        PAYMENT_STEP_DELAY: this.#pace.payment,
        DELIVERY_DELAY: this.#pace.delivery,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const note = (chunk: Buffer) => void (this.#log = (this.#log + chunk.toString()).slice(-20_000));
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    const ready = async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#log}`);
      return fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    };
    await expect.poll(ready, { message: `the server gets ready:\n${this.#log}`, timeout: 40_000, intervals: [50, 100] }).toBe(true);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it in order and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#data, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

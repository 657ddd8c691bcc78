import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const binary = process.env['ORDERWIRE_SERVER'] ?? fileURLToPath(new URL('../../bin/server', import.meta.url));

/** The delays of the pipeline's steps, as Go durations. */
export interface Pace {
  readonly payment: string;
  readonly delivery: string;
}

/** The real server with its own private database, on a port of its own. */
export class Server {
  readonly #port: number;
  readonly #data: string;
  readonly #pace: Pace;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #command: readonly string[];
  #process: ChildProcess | null = null;
  #log = '';
  #socket = '';
  #frozen: number[] = [];

  private constructor(port: number, pace: Pace, settings: Readonly<Record<string, string>>, command: readonly string[]) {
    this.#command = command;
    this.#port = port;
    this.#pace = pace;
    this.#settings = settings;
    this.#data = mkdtempSync(path.join(tmpdir(), 'orderwire-e2e-'));
  }

  /** `settings` are further environment variables; `command` is another command of the program that serves HTTP. */
  static async start(pace: Pace, settings: Readonly<Record<string, string>> = {}, command: readonly string[] = []): Promise<Server> {
    const server = new Server(await freePort(), pace, settings, command);
    await server.start();
    return server;
  }

  /** The folder of the database's socket. */
  get socket(): string {
    if (!this.#socket) throw new Error('the server has not logged its database socket');
    return this.#socket;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts or restarts the server on the same port and data. */
  async start(): Promise<void> {
    const child = spawn(binary, this.#command, {
      env: {
        ...process.env,
        ADDR: `127.0.0.1:${this.#port}`,
        ADMIN_ADDR: '',
        DATA_DIR: this.#data,
        PAYMENT_STEP_DELAY: this.#pace.payment,
        DELIVERY_DELAY: this.#pace.delivery,
        ...this.#settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    const note = (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-20_000);
      this.#socket = /"PostgreSQL started".* socket=(\S+)/.exec(this.#log)?.[1] ?? this.#socket;
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    const deadline = Date.now() + 300_000;
    const ready = async () =>
      fetch(`${this.url}${this.#command.length > 0 ? '/healthz' : '/readyz'}`).then(
        ({ ok }) => ok,
        () => false,
      );
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    while (!(await ready())) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#log}`);
      if (Date.now() > deadline) throw new Error(`the server is not ready:\n${this.#log}`);
      await pause(50); // oxlint-disable-line no-await-in-loop
    }
  }

  /** Kills it, as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Shuts it down gracefully: sockets are told to reconnect. Its data stays for the next start. */
  async drain(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Shuts it down gracefully and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.#data, { recursive: true, force: true });
  }

  /** Stops it, copies its database's files and restarts it. The returned function restores the copy, as an operator restores a backup. */
  async backUp(): Promise<() => Promise<void>> {
    await this.drain();
    const folder = realpathSync(path.join(this.#data, 'postgres')); // a link where the server runs as root
    execFileSync('cp', ['-a', folder, `${folder}.copy`]); // fs.cp does not keep owners
    await this.start();
    return async () => {
      await this.drain();
      rmSync(folder, { recursive: true });
      renameSync(`${folder}.copy`, folder);
      await this.start();
    };
  }

  /** Freezes all processes of its database, as if the machine hung. The returned function resumes them, and so does the server's end. */
  freezeDatabase(): () => void {
    const [postmaster = ''] = readFileSync(path.join(this.#data, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n');
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ');
    this.#frozen = [postmaster, ...children].map(Number);
    for (const pid of this.#frozen) process.kill(pid, 'SIGSTOP');
    return () => this.#thaw();
  }

  #thaw(): void {
    for (const pid of this.#frozen.splice(0)) process.kill(pid, 'SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    this.#thaw();
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}

/** A free port below the ephemeral ones, so that it stays free while the server is down. */
async function freePort(): Promise<number> {
  const port = randomInt(20_000, 30_000);
  const probe = createServer().listen(port, '127.0.0.1');
  const free = await once(probe, 'listening').then(
    () => true,
    () => false,
  );
  if (!free) return freePort();
  probe.close();
  await once(probe, 'close');
  return port;
}

import { createClient, type Client } from 'graphql-ws';
import type { SessionStore } from './session';

/** `idle`: nothing subscribed. `waiting`: lost, and the next attempt is due by itself. */
export type Connection = 'idle' | 'connecting' | 'live' | 'waiting';

/** The one websocket of a signed-in user: its client, its state for React, and the upkeep of its session. */
export interface Socket {
  readonly client: Client;
  readonly connection: () => Connection;
  readonly subscribe: (listener: () => void) => () => void;
  /** Sends every renewed token over the open socket until the returned function is called. */
  readonly attach: () => () => void;
}

const pingEvery = 20_000;
const pongWithin = 5_000;
/** The contract's close code for a refused or expired session; the stock client retries it. */
const sessionRefused = 4403;

export function createSocket(session: SessionStore, url: string): Socket {
  let connection: Connection = 'idle';
  let open: WebSocket | null = null;
  let sent: string | undefined;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();
  const become = (next: Connection) => {
    if (next === connection) return;
    connection = next;
    for (const listener of listeners) listener();
  };

  const client = createClient({
    url,
    connectionParams: async () => {
      sent = await session.authorization(); // at each attempt: the token may have been renewed since the last
      return sent ? { authorization: sent } : {};
    },
    retryAttempts: Infinity,
    retryWait: (retries) => sleepOrOnline(retryDelay(retries)),
    shouldRetry: () => true, // a browser reports an unreachable server as an error, not as a close code
    connectionAckWaitTimeout: 10_000,
    keepAlive: pingEvery,
    on: {
      connecting: (retrying) => become(retrying ? 'waiting' : 'connecting'),
      connected: (socket) => {
        open = socket as WebSocket;
        become('live');
      },
      ping: (received) => {
        // A socket that a sleeping laptop or a silent network has killed answers nothing and reports nothing.
        if (!received) pongTimer = setTimeout(() => client.terminate(), pongWithin);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
      closed: (event) => {
        open = null;
        clearTimeout(pongTimer);
        const { code, wasClean } = event as CloseEvent;
        if (code === sessionRefused) session.distrust(sent);
        become(code === 1000 && wasClean ? 'idle' : 'waiting');
      },
    },
  });

  return {
    client,
    connection: () => connection,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    attach: () =>
      session.subscribe(() => {
        const authorization = session.state().session && `Bearer ${session.state().session?.token}`;
        if (!authorization || authorization === sent || open?.readyState !== WebSocket.OPEN) return;
        sent = authorization;
        open.send(JSON.stringify({ type: 'ping', payload: { authorization } }));
      }),
  };
}

/**
 * Milliseconds before attempt `retries` + 1: exponential from a quarter of a second to half a minute, and half of it
 * random, so that the clients of a restarted server do not come back in one wave.
 */
export function retryDelay(retries: number, random: () => number = Math.random): number {
  const ceiling = Math.min(30_000, 250 * 2 ** retries);
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** Waits, but not on once the browser says it is online again. */
function sleepOrOnline(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    window.addEventListener('online', done);
  });
}

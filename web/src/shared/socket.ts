import { createClient, type Client } from 'graphql-ws';
import type { SessionStore } from './session';

/**
 * `idle`: nothing subscribed. `waiting`: lost, and the next attempt is due by itself. `draining`: the same, but the server said
 * that it stops in order. `offline`: this machine has no network.
 */
export type Connection = 'idle' | 'connecting' | 'live' | 'waiting' | 'draining' | 'offline';

/** The one websocket of a signed-in user: its client, its state for React, and the upkeep of its session. */
export interface Socket {
  readonly client: Client;
  readonly connection: () => Connection;
  readonly subscribe: (listener: () => void) => () => void;
  /** Sends every renewed token over the open socket, and gives the socket up when the network goes, until the returned function is called. */
  readonly attach: () => () => void;
}

const pingEvery = 20_000;
const pongWithin = 5_000;
/** The contract's close code for a refused or expired session; the stock client retries it. */
const sessionRefused = 4403;
/** The code of a server that stops in order: RFC 6455's registry calls it Service Restart. */
const serverDraining = 1012;

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
      connecting: (retrying) => {
        if (!retrying) become('connecting');
        else if (connection === 'offline' && navigator.onLine) become('waiting'); // else why it was lost stays the truth
      },
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
        if (code === 1000 && wasClean) become('idle');
        else if (!navigator.onLine) become('offline');
        // A draining server refuses further attempts in other ways: it stays known as draining until it is back.
        else become(code === serverDraining || connection === 'draining' ? 'draining' : 'waiting');
      },
    },
  });

  // What the browser knows at once is not waited for: without network the socket is given up, and with it taken up again.
  const lost = () => {
    if (open) client.terminate();
    else if (connection !== 'idle') become('offline');
  };

  return {
    client,
    connection: () => connection,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    attach: () => {
      window.addEventListener('offline', lost);
      const detach = session.subscribe(() => {
        const authorization = session.state().session && `Bearer ${session.state().session?.token}`;
        if (!authorization || authorization === sent || open?.readyState !== WebSocket.OPEN) return;
        sent = authorization;
        open.send(JSON.stringify({ type: 'ping', payload: { authorization } }));
      });
      return () => {
        window.removeEventListener('offline', lost);
        detach();
      };
    },
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

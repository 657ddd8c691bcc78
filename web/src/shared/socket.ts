import { createClient, type Client } from 'graphql-ws';
import type { SessionStore } from './session';

/**
 * `idle`: nothing is subscribed. `waiting`: the connection was lost, and the next attempt is scheduled. `draining`: the same, but
 * the server has announced its shutdown. `offline`: this machine has no network.
 */
export type Connection = 'idle' | 'connecting' | 'live' | 'waiting' | 'draining' | 'offline';

/** The websocket of a signed-in user: its client, its state for React, and the renewal of its session. */
export interface Socket {
  readonly client: Client;
  readonly connection: () => Connection;
  readonly subscribe: (listener: () => void) => () => void;
  /** Sends every renewed token over the open socket, and closes it when the network is lost. The returned function ends both. */
  readonly attach: () => () => void;
}

const pingEvery = 20_000;
const pongWithin = 5_000;
/** Close code of a refused or expired session, which the stock client retries. */
const sessionRefused = 4403;
/** Close code of a draining server: Service Restart in the registry of RFC 6455. */
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
      sent = await session.authorization(); // called at each attempt: the token may have been renewed
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
        else if (connection === 'offline' && navigator.onLine) become('waiting'); // otherwise the reason of the loss stays shown
      },
      connected: (socket) => {
        open = socket as WebSocket;
        become('live');
      },
      ping: (received) => {
        // After a sleep or on a silent network, a dead socket reports no close.
        if (!received) pongTimer = setTimeout(() => client.terminate(), pongWithin);
      },
      pong: (received) => {
        if (received) clearTimeout(pongTimer);
      },
      closed: (event) => {
        open = null;
        clearTimeout(pongTimer);
        const { code, wasClean } = event as CloseEvent;
        if (code === sessionRefused) session.invalidate(sent);
        if (code === 1000 && wasClean) become('idle');
        else if (!navigator.onLine) become('offline');
        // A draining server may refuse further attempts with other codes: the state stays `draining` until it is back.
        else become(code === serverDraining || connection === 'draining' ? 'draining' : 'waiting');
      },
    },
  });

  // The browser's offline event comes long before a timeout: close the socket at once.
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
 * Milliseconds before attempt `retries` + 1: exponential backoff from a quarter of a second to half a minute, half of it random
 * jitter, so that the clients of a restarted server do not reconnect all at once.
 */
export function retryDelay(retries: number, random: () => number = Math.random): number {
  const ceiling = Math.min(30_000, 250 * 2 ** retries);
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** Waits until the time is over or the browser is online again. */
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

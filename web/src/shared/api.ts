import { Client, fetchExchange, subscriptionExchange } from 'urql';
import { orderCache } from './cache';
import { versionGuard } from './version-guard';
import { resume } from './resume';
import type { SessionStore } from './session';
import { createSocket, type Socket } from './socket';

/** The connection to the server for one user. Each user gets a new one, so no data of the former user remains. */
export interface Api {
  readonly client: Client;
  readonly socket: Socket;
}

export function createApi(session: SessionStore, location: Pick<Location, 'protocol' | 'host'> = window.location): Api {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = createSocket(session, `${scheme}://${location.host}/graphql`);
  const client = new Client({
    url: '/graphql',
    preferGetMethod: false,
    fetch: authorizedFetch(session),
    exchanges: [
      orderCache(),
      versionGuard(),
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: resume(socket.client, { query: query ?? '', variables: { ...variables } }, sink as Parameters<typeof resume>[2]),
          }),
        }),
      }),
      fetchExchange,
    ],
  });
  return { client, socket };
}

/** A fetch that sends the session's token, and renews it once when the server refuses it. */
export function authorizedFetch(session: SessionStore, request: typeof fetch = (input, init) => fetch(input, init)): typeof fetch {
  return async (input, init) => {
    const send = async () => {
      const authorization = await session.authorization();
      const headers = new Headers(init?.headers);
      if (authorization) headers.set('authorization', authorization);
      return { authorization, response: await request(input, { ...init, headers }) };
    };
    const first = await send();
    if (first.response.status !== 401 || !first.authorization) return first.response;
    session.invalidate(first.authorization);
    const second = await send();
    if (second.response.status === 401) session.forget('The server did not accept your sign-in. Please sign in again.');
    return second.response;
  };
}

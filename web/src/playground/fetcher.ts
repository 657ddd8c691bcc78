import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { authorizedFetch } from '../shared/api';
import { createSocket } from '../shared/socket';
import type { SessionStore } from '../shared/session';

/** The signed-in user's way to the API: HTTP for queries and mutations, the websocket for subscriptions. */
export function createFetcher(session: SessionStore, location: Pick<Location, 'protocol' | 'host' | 'origin'> = window.location): Fetcher {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return createGraphiQLFetcher({
    url: `${location.origin}/graphql`,
    fetch: authorizedFetch(session),
    wsClient: createSocket(session, `${scheme}://${location.host}/graphql`).client,
  });
}

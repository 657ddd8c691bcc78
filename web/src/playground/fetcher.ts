import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { getOperationAST, parse, type DocumentNode } from 'graphql';
import { authorizedFetch } from '../shared/api';
import { createSocket } from '../shared/socket';
import type { SessionStore } from '../shared/session';

/** The signed-in user's way to the API: HTTP for queries and mutations, the websocket for subscriptions. */
export function createFetcher(session: SessionStore, location: Pick<Location, 'protocol' | 'host' | 'origin'> = window.location): Fetcher {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const fetcher = createGraphiQLFetcher({
    url: `${location.origin}/graphql`,
    fetch: authorizedFetch(session),
    wsClient: createSocket(session, `${scheme}://${location.host}/graphql`).client,
  });
  // GraphiQL reads a document again only a moment after it has changed. Who chooses a tab and runs it sooner would send the name,
  // and take the way, of the operation before.
  return (params, options) => {
    const document = parsed(params.query);
    if (!document) return fetcher(params, options); // the server says what is wrong with it
    const operation = getOperationAST(document, params.operationName) ?? getOperationAST(document);
    const operationName = operation?.name?.value ?? null;
    return fetcher({ ...params, operationName }, { ...options, documentAST: document });
  };
}

function parsed(query: string): DocumentNode | null {
  try {
    return parse(query);
  } catch {
    return null;
  }
}

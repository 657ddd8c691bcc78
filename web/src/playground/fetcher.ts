import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { getOperationAST, parse, type DocumentNode } from 'graphql';
import { authorizedFetch } from '../shared/api';
import { createSocket } from '../shared/socket';
import type { SessionStore } from '../shared/session';

/** Creates a GraphiQL fetcher for the signed-in user: HTTP for queries and mutations, the websocket for subscriptions. */
export function createFetcher(session: SessionStore, location: Pick<Location, 'protocol' | 'host' | 'origin'> = window.location): Fetcher {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const fetcher = createGraphiQLFetcher({
    url: `${location.origin}/graphql`,
    fetch: authorizedFetch(session),
    wsClient: createSocket(session, `${scheme}://${location.host}/graphql`).client,
  });
  // GraphiQL parses a changed document only after a delay. If a user selects a tab and runs it before that, GraphiQL passes the
  // operation name and transport of the former document.
  return (params, options) => {
    const document = parsed(params.query);
    if (!document) return fetcher(params, options); // the server reports the syntax error
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

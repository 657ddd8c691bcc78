import { Client, fetchExchange, subscriptionExchange, type OperationResult } from '@urql/core';
import { createClient as createSSE } from 'graphql-sse';
import { createClient as createWS } from 'graphql-ws';
import { SubscriptionClient } from 'subscriptions-transport-ws';
import { WebSocket } from 'ws';
import type { Shopper } from './shop';
import { PatientWebSocket } from './websocket';

/** A client's report of one operation. */
export interface Outcome {
  /** `data` and `errors` of each result. */
  readonly results: { readonly data?: unknown; readonly errors?: unknown }[];
  /** The error that ended it, if any. */
  error?: unknown;
}

/** A stock client with its own retries, but without their pauses. */
export interface Peer {
  /** Runs an operation until the client reports its completion or error, or until `enough` returns true and the client stops it. */
  run: (shopper: Shopper, query: string, variables?: Record<string, unknown>, enough?: (data: unknown) => boolean) => Promise<Outcome>;
}

const pause = async () => new Promise<void>((resolve) => void setTimeout(resolve, 50));

/** Subscribes with a sink of next, error and complete, and collects the results. */
async function collect(
  subscribe: (sink: { next: (result: unknown) => void; error: (cause: unknown) => void; complete: () => void }) => () => void,
  enough: (data: unknown) => boolean,
): Promise<Outcome> {
  const outcome: Outcome = { results: [] };
  await new Promise<void>((resolve) => {
    let stop: (() => void) | undefined;
    const over = () => {
      stop?.();
      resolve();
    };
    stop = subscribe({
      next: (result) => {
        outcome.results.push(result as Outcome['results'][number]);
        if (enough((result as { data?: unknown }).data)) over();
      },
      error: (cause) => {
        outcome.error = cause;
        over();
      },
      complete: over,
    });
  });
  return outcome;
}

const never = () => false;

const shown = ({ data, error }: OperationResult) => ({ data, errors: error?.graphQLErrors, network: error?.networkError });

/** urql does not report the end of a query: its only result is the end. */
function urql(exchange: (shopper: Shopper) => Client): Peer['run'] {
  return async (shopper, query, variables = {}, enough = never) => {
    const client = exchange(shopper);
    if (query.startsWith('subscription')) {
      return collect((sink) => client.subscription(query, variables).subscribe((result) => {
        sink.next(shown(result));
        if (result.error || result.hasNext === false) sink.complete();
      }).unsubscribe, enough);
    }
    const ask = query.startsWith('mutation') ? client.mutation(query, variables) : client.query(query, variables);
    return { results: [shown(await ask.toPromise())] };
  };
}

const http = (shopper: Shopper, fetchSubscriptions: boolean) => ({
  url: `${shopper.url}/graphql`,
  preferGetMethod: false as const,
  fetchSubscriptions,
  fetchOptions: () => ({ headers: shopper.credentials }),
});

/** The stock clients, each over its own transport. */
export const peers: Record<string, Peer> = {
  'graphql-ws': {
    run: async (shopper, query, variables, enough = never) => {
      const client = createWS({
        url: shopper.socketUrl, webSocketImpl: WebSocket, connectionParams: shopper.credentials,
        retryAttempts: 500, shouldRetry: () => true, retryWait: pause,
      });
      const outcome = await collect((sink) => client.subscribe({ query, variables: variables ?? {} }, sink), enough);
      await client.dispose();
      return outcome;
    },
  },
  'subscriptions-transport-ws': {
    run: async (shopper, query, variables, enough = never) => {
      const client = new SubscriptionClient(shopper.socketUrl, { connectionParams: shopper.credentials, reconnect: true, minTimeout: 5000 }, PatientWebSocket);
      const outcome = await collect((sink) => {
        const { unsubscribe } = client.request({ query, variables: variables ?? {} }).subscribe(sink as never);
        return unsubscribe;
      }, enough);
      client.close();
      return outcome;
    },
  },
  'graphql-sse': {
    run: async (shopper, query, variables, enough = never) => {
      const client = createSSE({ url: `${shopper.url}/graphql`, headers: shopper.credentials, retryAttempts: 500, retry: pause });
      const outcome = await collect((sink) => client.subscribe({ query, variables: variables ?? {} }, sink), enough);
      client.dispose();
      return outcome;
    },
  },
  'urql over HTTP and websockets': {
    run: urql((shopper) => {
      const socket = createWS({ url: shopper.socketUrl, webSocketImpl: WebSocket, connectionParams: shopper.credentials, retryWait: pause });
      return new Client({
        ...http(shopper, false),
        exchanges: [
          fetchExchange,
          subscriptionExchange({
            forwardSubscription: ({ query, variables }) => ({
              subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query!, variables: variables as Record<string, unknown> }, sink as never) }),
            }),
          }),
        ],
      });
    }),
  },
  'urql over websockets alone': {
    run: urql((shopper) => {
      const socket = createWS({ url: shopper.socketUrl, webSocketImpl: WebSocket, connectionParams: shopper.credentials, retryAttempts: 500, shouldRetry: () => true, retryWait: pause });
      return new Client({
        ...http(shopper, false),
        exchanges: [
          subscriptionExchange({
            enableAllOperations: true,
            forwardSubscription: ({ query, variables }) => ({
              subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query!, variables: variables as Record<string, unknown> }, sink as never) }),
            }),
          }),
        ],
      });
    }),
  },
  'urql over HTTP and event streams': { run: urql((shopper) => new Client({ ...http(shopper, true), exchanges: [fetchExchange] })) },
};

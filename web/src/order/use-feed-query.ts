import { useEffect, useRef } from 'react';
import { useQuery, type AnyVariables, type RequestPolicy, type TypedDocumentNode, type UseQueryResponse } from 'urql';
import { useRetry } from '../shared/use-retry';
import { useFeedGeneration } from './order-feed';

export interface FeedQuery<Data, Variables extends AnyVariables> {
  readonly query: TypedDocumentNode<Data, Variables>;
  readonly variables: Variables;
  readonly requestPolicy: RequestPolicy;
  /** Read although the feed has not started, because it cannot. */
  readonly withoutFeed?: boolean;
  /** Called before the view is read again for a new start of the feed. */
  readonly onRestart?: () => void;
}

/**
 * Reads a view that the feed keeps current. It is read once the feed has started, so that no change is missed between the answer
 * and the feed; again each time the feed restarts; and after a failure that may be temporary (useRetry).
 */
export function useFeedQuery<Data, Variables extends AnyVariables>({ query, variables, requestPolicy, withoutFeed = false, onRestart }: FeedQuery<Data, Variables>): UseQueryResponse<Data, Variables> {
  const generation = useFeedGeneration();
  const response = useQuery<Data, Variables>({ query, variables, requestPolicy, pause: generation === 0 && !withoutFeed } as Parameters<typeof useQuery<Data, Variables>>[0]);
  const [{ data, error, fetching }, reload] = response;
  useRetry({ error, fetching }, reload);
  const restarted = useRef(onRestart);
  useEffect(() => {
    restarted.current = onRestart;
  });
  const readFor = useRef(generation);
  useEffect(() => {
    const before = readFor.current;
    readFor.current = generation;
    if (before === generation || (before === 0 && !data)) return; // the paused query starts by itself
    restarted.current?.();
    reload({ requestPolicy: 'network-only' });
  }, [generation, data, reload]);
  return response;
}

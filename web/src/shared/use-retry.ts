import { useEffect, useRef } from 'react';
import type { CombinedError, UseQueryExecute } from 'urql';
import { isTemporary } from './states';
import { retryDelay } from './socket';

/**
 * Retries a query that failed for a temporary reason, with exponential backoff. Views that the feed keeps current need it: in an
 * outage the feed may stay open, so no new start of the feed would have them read again.
 */
export function useRetry({ error, fetching }: { error?: CombinedError | undefined; fetching: boolean }, reload: UseQueryExecute): void {
  const failures = useRef(0);
  useEffect(() => {
    if (fetching) return;
    if (!error || !isTemporary(error)) {
      failures.current = 0;
      return;
    }
    const timer = setTimeout(() => reload({ requestPolicy: 'network-only' }), retryDelay(failures.current++));
    return () => clearTimeout(timer);
  }, [error, fetching, reload]);
}

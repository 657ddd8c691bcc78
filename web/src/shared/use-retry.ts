import { useEffect, useRef } from 'react';
import type { CombinedError, UseQueryExecute } from 'urql';
import { isTemporary } from './states';
import { retryDelay } from './socket';

/**
 * Reads a live view again after it could not be read for a temporary reason, as in an outage: the feed may have stayed, so no
 * new beginning would say when. Waits longer after each failure.
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

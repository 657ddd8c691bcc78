import { useConnection } from '../shared/context';
import type { Connection } from '../shared/socket';

const words: Record<Connection, { short: string; long: string } | null> = {
  idle: null,
  connecting: { short: 'Connecting', long: 'Connecting for live updates.' },
  live: { short: 'Live', long: 'This page updates by itself.' },
  offline: { short: 'Offline', long: 'This device has no network. The page shows the last known state and updates when the network is back.' },
  draining: { short: 'Restarting', long: 'The server is restarting. The page reconnects by itself and misses nothing.' },
  waiting: { short: 'Reconnecting', long: 'The connection was lost. The page reconnects by itself and misses nothing.' },
};

/** Shows whether the page is live. */
export function ConnectionStatus() {
  const connection = useConnection();
  const word = words[connection];
  return (
    <span className="connection" role="status" aria-label="Connection" data-connection={connection} title={word?.long}>
      {word && (
        <>
          <span className="connection-dot" aria-hidden="true" />
          {word.short}
        </>
      )}
    </span>
  );
}

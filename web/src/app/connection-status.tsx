import { useConnection } from '../shared/context';
import type { Connection } from '../shared/socket';

const words: Record<Connection, { short: string; long: string } | null> = {
  idle: null,
  connecting: { short: 'Connecting', long: 'Connecting for live changes.' },
  live: { short: 'Live', long: 'Changes arrive as they happen.' },
  offline: { short: 'Offline', long: 'This device has no network. What is shown is as of the last connection; the rest follows by itself.' },
  draining: { short: 'Server restarts', long: 'The server is being restarted in order. The page goes on by itself; nothing is missed.' },
  waiting: { short: 'Reconnecting', long: 'The connection is lost and comes back by itself; nothing is missed.' },
};

/** Quietly says whether what one sees is live. */
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

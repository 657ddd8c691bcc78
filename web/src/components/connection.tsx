import { useConnection } from '../shared/context';
import type { Connection } from '../shared/socket';

const words: Record<Connection, { short: string; long: string } | null> = {
  idle: null,
  connecting: { short: 'Connecting', long: 'Connecting for live changes.' },
  live: { short: 'Live', long: 'Changes arrive as they happen.' },
  waiting: { short: 'Reconnecting', long: 'The connection is lost and comes back by itself; nothing is missed.' },
};

/** Quietly says whether what one sees is live. */
export function ConnectionSign() {
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

import { createContext, use, useEffect, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import { Provider } from 'urql';
import { createApi, type Api } from './api';
import type { Draft, DraftStore } from './draft';
import type { SessionState, SessionStore } from './session';
import { defaultSettings, type Settings } from './settings';
import type { Connection } from './socket';

interface Stores {
  readonly session: SessionStore;
  readonly draft: DraftStore;
}

/** The app's dependencies. Tests pass a `connect` of their own. */
export interface AppProps extends Stores {
  readonly settings?: Settings;
  readonly connect?: (session: SessionStore) => Api;
}

const StoresContext = createContext<Stores | null>(null);
const SettingsContext = createContext<Settings>(defaultSettings);
const ApiContext = createContext<Api | null>(null);

/** Provides the app's stores, and a new API client to each user who signs in. */
export function AppProvider({ session, draft, settings = defaultSettings, connect = createApi, children }: AppProps & { children: ReactNode }) {
  const stores = useMemo(() => ({ session, draft }), [session, draft]);
  const user = useSyncExternalStore(session.subscribe, session.state).session?.user ?? null;
  return (
    <SettingsContext value={settings}>
      <StoresContext value={stores}>
        <ApiProvider key={user} session={session} connect={connect}>
          {children}
        </ApiProvider>
      </StoresContext>
    </SettingsContext>
  );
}

function ApiProvider({ session, connect, children }: Pick<AppProps, 'session'> & { connect: (session: SessionStore) => Api; children: ReactNode }) {
  const api = useMemo(() => connect(session), [connect, session]);
  useEffect(() => api.socket.attach(), [api]);
  return (
    <ApiContext value={api}>
      <Provider value={api.client}>{children}</Provider>
    </ApiContext>
  );
}

function useStores(): Stores {
  const stores = use(StoresContext);
  if (!stores) throw new Error('AppProvider is missing above this component');
  return stores;
}

/** The session, and the store that changes it. */
export function useSession(): SessionState & { store: SessionStore } {
  const { session: store } = useStores();
  return { ...useSyncExternalStore(store.subscribe, store.state), store };
}

/** The server's settings for the shop. */
export const useSettings = (): Settings => use(SettingsContext);

/** This tab's draft order, and the store that changes it. */
export function useDraft(): Draft & { store: DraftStore } {
  const { draft: store } = useStores();
  return { ...useSyncExternalStore(store.subscribe, store.state), store };
}

/** The state of the live connection. */
export function useConnection(): Connection {
  const api = use(ApiContext);
  if (!api) throw new Error('AppProvider is missing above this component');
  return useSyncExternalStore(api.socket.subscribe, api.socket.connection);
}

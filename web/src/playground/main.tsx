import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './playground.css';
import { pick, useGraphiQL } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { buildSchema } from 'graphql';
import { StrictMode, useMemo, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { createSession } from '../shared/create-session';
import { devUsers } from '../shared/dev-sign-in';
import { readSettings } from '../shared/settings';
import type { Example } from './example';
import { examples } from './examples';
import { createFetcher } from './fetcher';
import { generateExamples } from './generated-examples';

const settings = readSettings();
const session = await createSession(settings);
// Everything but introspection and products needs a user: in development, start as the first customer.
if (settings.auth === 'dev' && !session.state().session) await session.signIn(devUsers[0]!.user).catch(() => undefined);

const tabs = [...examples, ...(await generatedExamples())].map(({ query, variables }) => ({ query, variables: variables ?? null }));

/** Examples for the operations of the server's schema that have no hand-written one. */
async function generatedExamples(): Promise<Example[]> {
  const response = await fetch('/schema.graphql');
  // The playground works without them, for example while the server restarts.
  return response.ok ? generateExamples(buildSchema(await response.text()), examples) : [];
}

function Playground() {
  const user = useSyncExternalStore(session.subscribe, session.state).session?.user ?? '';
  // One fetcher for each user, and so one socket: a socket keeps the user that it was opened for.
  return <UserPlayground key={user} user={user} />;
}

function UserPlayground({ user }: { user: string }) {
  const fetcher = useMemo(() => createFetcher(session), []);
  return (
    <GraphiQL fetcher={fetcher} defaultTabs={tabs} shouldPersistHeaders={false} isHeadersEditorEnabled={false} defaultEditorToolsVisibility="variables">
      <GraphiQL.Logo>
        <Ready />
        <a className="playground-brand" href="/">
          Orderwire
        </a>
        <label className="playground-user">
          as{' '}
          <select
            value={user}
            onChange={({ target }) => (target.value ? void session.signIn(target.value).catch(() => undefined) : session.forget())}
          >
            <option value="">nobody</option>
            {devUsers.map((known) => (
              <option key={known.user} value={known.user}>
                {known.label}
              </option>
            ))}
            {user && !devUsers.some((known) => known.user === user) && <option value={user}>{user}</option>}
          </select>
        </label>
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

/** Enables the run button once the editors exist (playground.css). Before that, GraphiQL ignores the press. */
function Ready() {
  const { queryEditor, responseEditor } = useGraphiQL(pick('queryEditor', 'responseEditor'));
  return queryEditor && responseEditor ? <span className="playground-ready" hidden /> : null;
}

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <Playground />
  </StrictMode>,
);

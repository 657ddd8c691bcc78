import { useState, type ReactNode } from 'react';
import { useSession, useSettings } from './context';
import { devUsers } from './dev-sign-in';

function useSignIn() {
  const { store } = useSession();
  const [problem, setProblem] = useState<string | null>(null);
  const signIn = (user?: string) => {
    setProblem(null);
    store.signIn(user).catch((cause: unknown) => setProblem(cause instanceof Error ? cause.message : 'Signing in failed.'));
  };
  return { signIn, problem, store };
}

/** Shows its children to signed-in users, and a sign-in form to everybody else. */
export function SignedIn({ children }: { children: ReactNode }) {
  const { session } = useSession();
  const { auth } = useSettings();
  const { signIn, problem } = useSignIn();
  if (session) return children;
  if (auth === 'oidc') {
    return (
      <section className="card sign-in" aria-labelledby="sign-in-title">
        <h1 id="sign-in-title">Please sign in</h1>
        <p className="hint">You return to this page afterwards.</p>
        <button type="button" onClick={() => signIn()}>
          Sign in
        </button>
        {problem && <p role="alert">{problem}</p>}
      </section>
    );
  }
  return (
    <section className="card sign-in" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title">Choose a user</h1>
      <p className="hint">This is a development server: users need no password.</p>
      <div className="sign-in-users">
        {devUsers.map(({ user, role, label }) => (
          <button type="button" key={user} onClick={() => signIn(user)}>
            {label}
            <small>{role === 'STAFF' ? 'sees all orders' : 'customer'}</small>
          </button>
        ))}
      </div>
      {problem && <p role="alert">{problem}</p>}
    </section>
  );
}

/** The user in the page's header: a choice of users in development, else the name and a button to sign in or out. */
export function UserSwitch() {
  const { session } = useSession();
  const { auth } = useSettings();
  const { signIn, problem, store } = useSignIn();
  if (auth === 'oidc') {
    return (
      <span className="user-switch" title={problem ?? undefined}>
        {session && <span className="user-name">{session.name ?? session.user}</span>}
        <button type="button" className="quiet" onClick={() => (session ? void store.signOut() : signIn())}>
          {session ? 'Sign out' : 'Sign in'}
        </button>
      </span>
    );
  }
  return (
    <label className="user-switch" title={problem ?? undefined}>
      <span className="visually-hidden">Signed in as</span>
      <select
        value={session?.user ?? ''}
        aria-invalid={problem !== null}
        onChange={({ target }) => (target.value ? signIn(target.value) : void store.signOut())}
      >
        <option value="">{session ? 'Sign out' : 'Sign in…'}</option>
        {devUsers.map(({ user, label }) => (
          <option key={user} value={user}>
            {label}
          </option>
        ))}
        {session && !devUsers.some(({ user }) => user === session.user) && <option value={session.user}>{session.user}</option>}
      </select>
    </label>
  );
}

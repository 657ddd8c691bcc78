import { stringifyDocument } from 'urql';
import { graphql } from '../gql';

const SignOutMutation = graphql(`
  mutation SignOut {
    viewerSignOut {
      signedOutAt
    }
  }
`);

/** The time limit of one attempt, and the pauses between attempts, in milliseconds. */
const attemptTimeout = 5_000;
const pauses = [500, 2_000];

export const serverNotTold =
  'You are signed out in this tab, but the server could not be told. Your other devices and tabs stay signed in. Please sign in and out again.';

/** Ends the user's tokens and sockets at the server. Resolves to false if the server did not confirm it. */
export const endAtServer = (token: string, request: typeof fetch = (input, init) => fetch(input, init)): Promise<boolean> =>
  withRetries(async (signal) => {
    const response = await request('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ operationName: 'SignOut', query: stringifyDocument(SignOutMutation) }),
      keepalive: true, // continues when the tab is closed
      signal,
    });
    if (response.status === 401) return; // the token is invalid already
    const { data } = (await response.json()) as { data?: { viewerSignOut?: unknown } | null };
    if (!response.ok || !data?.viewerSignOut) throw new Error(`Signing out failed: the server answered ${response.status}.`);
  });

/** Makes up to three attempts. Resolves to whether one succeeded. */
export async function withRetries(act: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  for (const pause of [...pauses, null]) {
    try {
      await act(AbortSignal.timeout(attemptTimeout)); // oxlint-disable-line no-await-in-loop -- one attempt after the other
      return true;
    } catch {
      if (pause !== null) await new Promise((resolve) => setTimeout(resolve, pause)); // oxlint-disable-line no-await-in-loop
    }
  }
  return false;
}

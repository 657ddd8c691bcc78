import { stringifyDocument } from 'urql';
import { graphql } from '../gql';

const SignOutMutation = graphql(`
  mutation SignOut {
    viewerSignOut {
      signedOutAt
    }
  }
`);

/** How long one try may take, and how long to wait before the next ones, in milliseconds. */
const tryWithin = 5_000;
const pauses = [500, 2_000];

export const serverNotTold =
  'You are signed out in this tab, but the server could not be told: your other devices, and copies of your sign-in, stay signed in. Please sign in and out again.';

/** Ends the user's tokens and sockets at the server. False when the server could not be told. */
export const endAtServer = (token: string, request: typeof fetch = (input, init) => fetch(input, init)): Promise<boolean> =>
  insist(async (signal) => {
    const response = await request('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ operationName: 'SignOut', query: stringifyDocument(SignOutMutation) }),
      keepalive: true, // goes on if the tab is closed now
      signal,
    });
    if (response.status === 401) return; // the token is void already
    const { data } = (await response.json()) as { data?: { viewerSignOut?: unknown } | null };
    if (!response.ok || !data?.viewerSignOut) throw new Error(`Signing out failed: the server answered ${response.status}.`);
  });

/** Tries three times. False when none has succeeded. */
export async function insist(act: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  for (const pause of [...pauses, null]) {
    try {
      await act(AbortSignal.timeout(tryWithin)); // oxlint-disable-line no-await-in-loop -- one try after the other
      return true;
    } catch {
      if (pause !== null) await new Promise((resolve) => setTimeout(resolve, pause)); // oxlint-disable-line no-await-in-loop
    }
  }
  return false;
}

import type { ReactNode } from 'react';
import type { CombinedError } from 'urql';

/** Placeholder of a part that is loading. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status" aria-busy="true">
      <span className="loading-bar" aria-hidden="true" />
      Loading {what}…
    </div>
  );
}

/** Placeholder of an empty list, with the next step as its children. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Shows an error, with a retry button where a retry can help. `acted` is true if the request was an action, not a read. */
export function Failure({ error, retry, acted }: { error: CombinedError; retry?: () => void; acted?: boolean }) {
  return (
    <div className="failure" role="alert">
      <p>{explain(error, acted)}</p>
      {retry && !permanent.has(codeOf(error)) && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** The user errors of a mutation, one line each. */
export function Refusals({ errors }: { errors: readonly { message: string }[] }) {
  if (errors.length === 0) return null;
  return (
    <ul className="refusals" role="alert">
      {errors.map(({ message }) => (
        <li key={message}>{message}</li>
      ))}
    </ul>
  );
}

const codeOf = (error: CombinedError): unknown => error.graphQLErrors[0]?.extensions['code'];

/** Codes that a retry would get again. */
const permanent: ReadonlySet<unknown> = new Set(['BAD_USER_INPUT', 'COST_EXCEEDED', 'ANSWER_TOO_LARGE', 'FORBIDDEN']);

/** Whether a retry may succeed without any change. */
export const isTemporary = (error: CombinedError): boolean => error.networkError !== undefined || codeOf(error) === 'UNAVAILABLE';

/** Whether the server refused the request's shape, such as a malformed order id. */
export const isMalformed = (error: CombinedError | undefined): boolean =>
  error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'BAD_USER_INPUT') ?? false;

/** A message for the user that explains an error: the server's, unless it is meant for programmers. */
export function explain(error: CombinedError, acted = false): string {
  const [first] = error.graphQLErrors;
  if (error.networkError || !first) return 'The server could not be reached. Nothing is lost: try again in a moment.';
  switch (codeOf(error)) {
    case 'COST_EXCEEDED':
      return 'This request costs more than the server allows. Its operator can raise MAX_COST.';
    case 'ANSWER_TOO_LARGE':
      return acted
        ? 'The action succeeded, but its answer is larger than the server allows. Reload the page to see the result.'
        : 'The answer is larger than the server allows. Its operator can raise MAX_ANSWER_BYTES.';
    case 'RATE_LIMITED':
      return `Too many requests in a short time. ${retryHint(first.extensions['retryAfter'])}`;
    case 'UNAVAILABLE':
      return 'A part of the service does not answer. Nothing is lost: try again in a moment.';
    default:
      return first.message;
  }
}

/** When to try again; `seconds` is the server's retryAfter. */
function retryHint(seconds: unknown): string {
  if (typeof seconds !== 'number' || seconds <= 0) return 'Try again in a moment.';
  if (seconds >= 120) return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
  return `Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
}

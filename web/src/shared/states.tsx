import type { ReactNode } from 'react';
import type { CombinedError } from 'urql';

/** Holds a page's place while it loads. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status" aria-busy="true">
      <span className="loading-bar" aria-hidden="true" />
      Loading {what}…
    </div>
  );
}

/** Says that there is nothing yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Says what went wrong, with a way to try again where that can help. `acted` says that something was to be changed, not only read. */
export function Failure({ error, retry, acted }: { error: CombinedError; retry?: () => void; acted?: boolean }) {
  return (
    <div className="failure" role="alert">
      <p>{explain(error, acted)}</p>
      {retry && !lasting.has(codeOf(error)) && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What the server refused, one line each. */
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

/** What the same request would be told again. */
const lasting: ReadonlySet<unknown> = new Set(['BAD_USER_INPUT', 'COST_EXCEEDED', 'ANSWER_TOO_LARGE', 'FORBIDDEN']);

/** Whether the same request may succeed a moment later, without anybody doing anything. */
export const isTemporary = (error: CombinedError): boolean => error.networkError !== undefined || codeOf(error) === 'UNAVAILABLE';

/** Whether the server refused what was asked in its very shape, such as an address that cannot be an order's. */
export const isMalformed = (error: CombinedError | undefined): boolean =>
  error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'BAD_USER_INPUT') ?? false;

/** What happened and what to do, for a person: the server's own message, unless that is for programmers. */
export function explain(error: CombinedError, acted = false): string {
  const [first] = error.graphQLErrors;
  if (error.networkError || !first) return 'The server could not be reached. Nothing is lost: try again in a moment.';
  switch (codeOf(error)) {
    case 'COST_EXCEEDED':
      return 'This is more than the server allows at once. Whoever runs it has to raise MAX_COST.';
    case 'ANSWER_TOO_LARGE':
      return acted
        ? 'It was done, but the answer is larger than the server allows. Reload the page to see what became of it.'
        : 'What belongs here is larger than the server allows at once. Whoever runs it has to raise MAX_ANSWER_BYTES.';
    case 'RATE_LIMITED':
      return `Too much was asked for in a short time. ${again(first.extensions['retryAfter'])}`;
    case 'UNAVAILABLE':
      return 'A part of the service does not answer. Nothing is lost: try again in a moment.';
    default:
      return first.message;
  }
}

/** When to try again, after so many seconds. */
function again(seconds: unknown): string {
  if (typeof seconds !== 'number' || seconds <= 0) return 'Try again in a moment.';
  if (seconds >= 120) return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
  return `Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
}

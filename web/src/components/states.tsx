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

/** Says what went wrong in the server's safe words, with a way to try again. */
export function Failure({ error, retry }: { error: CombinedError; retry?: () => void }) {
  return (
    <div className="failure" role="alert">
      <p>{explain(error)}</p>
      {retry && (
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

/** Whether the server refused what was asked in its very shape, such as an address that cannot be an order's. */
export const isMalformed = (error: CombinedError | undefined): boolean =>
  error?.graphQLErrors.some(({ extensions }) => extensions['code'] === 'BAD_USER_INPUT') ?? false;

/** One sentence for a person: the server's own message, or that it could not be reached. */
export function explain(error: CombinedError): string {
  if (error.networkError) return 'The server could not be reached. Nothing is lost: try again when you are back online.';
  return error.graphQLErrors[0]?.message ?? 'Something went wrong.';
}

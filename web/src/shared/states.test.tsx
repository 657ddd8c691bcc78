import { cleanup, render, screen } from '@testing-library/react';
import { CombinedError } from 'urql';
import { afterEach, describe, expect, it } from 'vitest';
import { Failure } from './states';

const refused = (code: string, more: Record<string, unknown> = {}) =>
  new CombinedError({ graphQLErrors: [{ message: 'In the words of the server.', extensions: { code, ...more } }] });
const said = () => screen.getByRole('alert').textContent;

afterEach(cleanup);

describe('a failure', () => {
  it.each([
    ['COST_EXCEEDED', /raise MAX_COST/],
    ['ANSWER_TOO_LARGE', /raise MAX_ANSWER_BYTES/],
    ['BAD_USER_INPUT', /In the words of the server\./],
  ])('with code %s offers no retry', (code, words) => {
    render(<Failure error={refused(code)} retry={() => undefined} />);
    expect(said()).toMatch(words);
    expect(screen.queryByRole('button')).toBeNull();
  });

  it.each([
    [refused('RATE_LIMITED', { retryAfter: 1 }), /Try again in 1 second\./],
    [refused('RATE_LIMITED', { retryAfter: 3600 }), /Try again in 60 minutes\./],
    [refused('RATE_LIMITED'), /Try again in a moment\./],
    [refused('UNAVAILABLE'), /does not answer\. Nothing is lost/],
    [new CombinedError({ networkError: new Error('Bad Gateway') }), /could not be reached\. Nothing is lost/],
    [refused('INTERNAL'), /In the words of the server\./],
  ])('that may be temporary says when to try again: %s', (error, words) => {
    render(<Failure error={error} retry={() => undefined} />);
    expect(said()).toMatch(words);
    expect(screen.getByRole('button', { name: 'Try again' })).toBeDefined();
  });

  it('to show the result of an action does not say that the action failed', () => {
    render(<Failure error={refused('ANSWER_TOO_LARGE')} acted />);
    expect(said()).toMatch(/^The action succeeded/);
  });
});

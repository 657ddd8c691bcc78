import type { Client, FormattedExecutionResult, Sink, SubscribePayload } from 'graphql-ws';
import { describe, expect, it } from 'vitest';
import { resume } from './resume';

/** A client that records its subscriptions. graphql-ws keeps the same payload for its next attempt. */
function capture() {
  const asked: { payload: SubscribePayload; sink: Sink<FormattedExecutionResult> }[] = [];
  const client = {
    subscribe: (payload: SubscribePayload, sink: Sink<FormattedExecutionResult>) => {
      asked.push({ payload, sink });
      return () => undefined;
    },
  } as unknown as Client;
  return { client, asked };
}

function setup(next: (result: FormattedExecutionResult) => void = () => undefined) {
  const { client, asked } = capture();
  const given = { query: 'subscription($after: EventCursor) { orderFeed(after: $after) { cursor } }', variables: { filter: null } };
  resume(client, given, { next, error: () => undefined, complete: () => undefined });
  return { given, ...asked[0]! };
}

describe('resume', () => {
  it('sends no cursor at first', () => {
    expect(setup().payload.variables).toEqual({ filter: null });
  });

  it('sends the cursor of the last item, for any root field', () => {
    const { payload, sink } = setup();
    sink.next({ data: { orderFeed: { kind: 'SNAPSHOT', cursor: 'c1' } } });
    sink.next({ data: { alias: { kind: 'CHECKPOINT', cursor: 'c2' } } });
    expect(JSON.parse(JSON.stringify(payload))).toMatchObject({ variables: { filter: null, after: 'c2' } });
  });

  it('keeps the cursor when a result has none', () => {
    const { payload, sink } = setup();
    sink.next({ data: { orderFeed: { cursor: 'c1' } } });
    sink.next({ data: null, errors: [] });
    sink.next({ data: { orderFeed: null } });
    expect(payload.variables).toMatchObject({ after: 'c1' });
  });

  it('keeps the cursor when an item could not be handled', () => {
    const { payload, sink } = setup(({ data }) => {
      if ((data as { orderFeed: { cursor: string } }).orderFeed.cursor === 'c2') throw new Error('the page broke');
    });
    sink.next({ data: { orderFeed: { cursor: 'c1' } } });
    expect(() => sink.next({ data: { orderFeed: { cursor: 'c2' } } })).toThrow('the page broke');
    expect(payload.variables).toMatchObject({ after: 'c1' });
  });

  it('does not change the caller’s payload', () => {
    const { given, sink } = setup();
    sink.next({ data: { orderFeed: { cursor: 'c1' } } });
    expect(given.variables).toEqual({ filter: null });
  });
});

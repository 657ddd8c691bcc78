import type { Client, FormattedExecutionResult, Sink, SubscribePayload } from 'graphql-ws';

/**
 * Subscribes with event-exact resume: a reconnect continues after the last item that was handled, without gap or repeat.
 *
 * graphql-ws serialises the payload anew at each attempt, so writing each item's `cursor` into the variable `after` is
 * enough. The document must pass `$after: EventCursor` on and select `kind` and `cursor`. What to do with an item's kind:
 * EVENT: apply it (in a feed only if its order's version is above yours). SNAPSHOT and RESET: replace what you hold with
 * the item's order; in a feed, where it is null, load the list again. CHECKPOINT: nothing, its cursor is kept here.
 */
export function resume(client: Client, payload: SubscribePayload, sink: Sink<FormattedExecutionResult>): () => void {
  const variables: Record<string, unknown> = { ...payload.variables };
  return client.subscribe({ ...payload, variables }, {
    next(result: FormattedExecutionResult) {
      sink.next(result); // first: an item that could not be handled is asked for again
      for (const item of Object.values(result.data ?? {})) {
        const cursor = (item as { cursor?: unknown } | null)?.cursor;
        if (typeof cursor === 'string') variables['after'] = cursor;
      }
    },
    error: (cause) => sink.error(cause),
    complete: () => sink.complete(),
  });
}

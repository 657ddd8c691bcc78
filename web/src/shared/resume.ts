import type { Client, FormattedExecutionResult, Sink, SubscribePayload } from 'graphql-ws';

/**
 * Subscribes with event-exact resume: a reconnect continues after the last handled item, without gap or duplicate.
 *
 * graphql-ws serialises the payload again at each attempt, so it is enough to write each item's `cursor` into the variable
 * `after`. The document must pass `$after: EventCursor` to the field and select `kind` and `cursor`. Handle items by `kind`:
 * EVENT: apply it (in a feed only if its order's version is above yours). SNAPSHOT and RESET: replace your state with the
 * item's order; in a feed, where it is null, load the list again. CHECKPOINT: nothing to do, its cursor is stored here.
 */
export function resume(client: Client, payload: SubscribePayload, sink: Sink<FormattedExecutionResult>): () => void {
  const variables: Record<string, unknown> = { ...payload.variables };
  return client.subscribe({ ...payload, variables }, {
    next(result: FormattedExecutionResult) {
      sink.next(result); // before the cursor is stored: an item that could not be handled is sent again
      for (const item of Object.values(result.data ?? {})) {
        const cursor = (item as { cursor?: unknown } | null)?.cursor;
        if (typeof cursor === 'string') variables['after'] = cursor;
      }
    },
    error: (cause) => sink.error(cause),
    complete: () => sink.complete(),
  });
}

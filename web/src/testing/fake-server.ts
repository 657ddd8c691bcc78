import { waitFor } from '@testing-library/react';
import { Kind, type DocumentNode, type SelectionSetNode } from 'graphql';
import { Client, getOperationName, makeResult, type Exchange, type Operation } from 'urql';
import { filter, make, makeSubject, merge, mergeMap, pipe, takeUntil, type Subject } from 'wonka';
import generated from '../gql/possible-types';
import type { Api } from '../shared/api';
import { orderCache } from '../shared/cache';
import { versionGuard } from '../shared/version-guard';

type Answer = (variables: Record<string, unknown>) => Record<string, unknown>;

/**
 * A server for tests behind the app's real cache and version guard. It answers each query and mutation by its operation's name
 * when the test says so, and sends the pushes of the test.
 */
export class FakeServer {
  /** Names of the requested queries and mutations, in order. */
  readonly asked: string[] = [];
  /** Names of the subscriptions that were opened, in order. */
  readonly subscribed: string[] = [];
  /** Whether queries and mutations are refused, as in an outage. */
  failing = false;
  readonly #answers: Record<string, Answer>;
  readonly #held: { name: string; release: () => void }[] = [];
  readonly #subscriptions = new Map<string, { operation: Operation; subject: Subject<ReturnType<typeof makeResult>> }>();
  readonly #holding: Set<string>;

  /** `hold` names operations whose answers wait for `release`. */
  constructor(answers: Record<string, Answer>, hold: string[] = []) {
    this.#answers = answers;
    this.#holding = new Set(hold);
  }

  readonly connect = (): Api => ({
    client: new Client({ url: '/graphql', preferGetMethod: false, exchanges: [orderCache(), versionGuard(), this.#transport()] }),
    socket: { client: {} as Api['socket']['client'], connection: () => 'live', subscribe: () => () => undefined, attach: () => () => undefined },
  });

  /** Whether the subscription with this root field is open. */
  watched(field: 'orderEvents' | 'orderFeed'): boolean {
    return this.#subscriptions.has(field);
  }

  /** Pushes an item once the page has subscribed, which may be a moment after it shows an answer. */
  async push(field: 'orderEvents' | 'orderFeed', item: Record<string, unknown>): Promise<void> {
    const open = await waitFor(() => {
      const subscription = this.#subscriptions.get(field);
      if (!subscription) throw new Error(`nothing is subscribed to ${field}`);
      return subscription;
    });
    open.subject.next(makeResult(open.operation, { data: selected(open.operation.query, { [field]: { __typename: 'OrderUpdate', event: null, order: null, ...item } }) }));
  }

  /** Ends a subscription with an error, once the page has subscribed. */
  async refuse(field: 'orderEvents' | 'orderFeed', code: string): Promise<void> {
    await waitFor(() => {
      if (!this.watched(field)) throw new Error(`nothing is subscribed to ${field}`);
    });
    const { operation, subject } = this.#subscriptions.get(field)!;
    this.#subscriptions.delete(field);
    subject.next(makeResult(operation, refusal(code)));
    subject.complete();
  }

  /** Sends the oldest held answer of this operation. Its data is from the time of the request. */
  release(name: string): void {
    const index = this.#held.findIndex((held) => held.name === name);
    if (index < 0) throw new Error(`no answer to ${name} is waiting`);
    this.#held.splice(index, 1)[0]!.release();
  }

  #transport(): Exchange {
    return () => (operations) =>
      {
      const ended = ({ key }: Operation) => pipe(operations, filter((other) => other.kind === 'teardown' && other.key === key));
      return merge([
        pipe(
          operations,
          filter(({ kind }) => kind === 'query' || kind === 'mutation'),
          mergeMap((operation) => pipe(this.#answer(operation), takeUntil(ended(operation)))),
        ),
        pipe(
          operations,
          filter(({ kind }) => kind === 'subscription'),
          mergeMap((operation) => {
            this.subscribed.push(getOperationName(operation.query) ?? '');
            const field = getOperationName(operation.query)?.endsWith('OrderFeed') ? 'orderFeed' : 'orderEvents';
            const subject = makeSubject<ReturnType<typeof makeResult>>();
            this.#subscriptions.set(field, { operation, subject });
            return subject.source;
          }),
        ),
      ]);
      };
  }

  #answer(operation: Operation) {
    const name = getOperationName(operation.query) ?? '';
    return make<ReturnType<typeof makeResult>>(({ next, complete }) => {
      let wanted = true;
      // Like the real transport, send nothing for an operation that is torn down at once.
      queueMicrotask(() => {
        if (!wanted) return;
        this.asked.push(name);
        const data = this.#answers[name]?.(operation.variables as Record<string, unknown>);
        if (!data) throw new Error(`no answer to ${name}`);
        const release = () => {
          next(makeResult(operation, this.failing ? refusal('UNAVAILABLE') : { data: selected(operation.query, data) }));
          complete();
        };
        if (this.#holding.has(name)) this.#held.push({ name, release });
        else queueMicrotask(release);
      });
      return () => {
        wanted = false;
      };
    });
  }
}

const refusal = (code: string) => ({ errors: [{ message: 'refused', extensions: { code } }] });

type Fields = Record<string, unknown>;

const fits = (typename: unknown, condition: string | undefined) =>
  !condition || typename === condition || ((generated.possibleTypes as Record<string, readonly string[]>)[condition]?.includes(String(typename)) ?? false);

/** What a server would answer with of this data: the selected fields. One that is missing is an error, which names it. */
function selected(query: Operation['query'], data: Fields): Fields {
  const document = query as DocumentNode;
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION)!;
  const fragments = new Map(document.definitions.flatMap((definition) => (definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [])));
  const pick = (value: unknown, set: SelectionSetNode | undefined): unknown => {
    if (Array.isArray(value)) return value.map((element) => pick(element, set));
    if (!set || value === null || typeof value !== 'object') return value;
    const from = value as Fields;
    const picked: Fields = {};
    const add = ({ selections }: SelectionSetNode) => {
      for (const selection of selections) {
        if (selection.kind === Kind.FIELD) {
          const name = selection.alias?.value ?? selection.name.value;
          if (from[name] === undefined && !(from === data && name === '__typename')) throw new Error(`the made-up ${String(from['__typename'])} has no ${name}`);
          const field = pick(from[name], selection.selectionSet);
          picked[name] = combine(picked[name], field);
        } else {
          const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
          if (fits(from['__typename'], fragment.typeCondition?.name.value)) add(fragment.selectionSet);
        }
      }
    };
    add(set);
    return picked;
  };
  return pick(data, operation.selectionSet) as Fields;
}

/** One field that was selected twice. */
function combine(one: unknown, other: unknown): unknown {
  if (Array.isArray(one) && Array.isArray(other)) return one.map((element, place) => combine(element, other[place]));
  if (!one || typeof one !== 'object' || !other || typeof other !== 'object') return other;
  const merged: Fields = { ...(one as Fields) };
  for (const [name, field] of Object.entries(other)) merged[name] = combine(merged[name], field);
  return merged;
}

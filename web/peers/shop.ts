import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Server } from '../e2e/server';

/** A subscription item with the fields that these tests select. */
export interface Item {
  readonly kind: 'SNAPSHOT' | 'EVENT' | 'CHECKPOINT' | 'RESET';
  readonly cursor: string;
  readonly event: { readonly type: string; readonly version: number } | null;
  readonly order: { readonly id: string; readonly status: string; readonly version: number } | null;
}

const fields = 'kind cursor event { type version } order { id status version }';

/** Watches one order. */
export const watchOrder = `subscription Watch($id: ID!, $after: EventCursor) { update: orderEvents(orderId: $id, after: $after) { ${fields} } }`;

/** Watches all orders of the caller. */
export const watchFeed = `subscription Feed($after: EventCursor) { update: orderFeed(after: $after) { ${fields} } }`;

/** The events of a plain order, with their versions. */
export const walk = ['1 ORDER_CREATED', '2 PAYMENT_PROCESSING', '3 PAYMENT_CONFIRMED', '4 ORDER_DELIVERED'];

/** The events among items, like `walk`. */
export const events = (items: readonly Item[]): string[] => items.flatMap(({ event }) => (event ? [`${event.version} ${event.type}`] : []));

/** A user who is signed in at one server. */
export class Shopper {
  readonly url: string;
  readonly token: string;
  /** When the token expires, RFC 3339. */
  readonly expiresAt: string;

  private constructor(url: string, { token, expiresAt }: { token: string; expiresAt: string }) {
    this.url = url;
    this.token = token;
    this.expiresAt = expiresAt;
  }

  /** Signs in a new user, or the named one. */
  static async signIn(url: string, { user = `peer-${randomUUID()}`, role = 'CUSTOMER', ttlSeconds = 3600 } = {}): Promise<Shopper> {
    return new Shopper(url, await post(`${url}/dev/token`, {}, { user, role, ttlSeconds }));
  }

  /** The credentials for `connection_init` or for the headers of a request. */
  get credentials(): { authorization: string } {
    return { authorization: `Bearer ${this.token}` };
  }

  get socketUrl(): string {
    return `${this.url.replace('http', 'ws')}/graphql`;
  }

  async send<T>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const answer = await post<{ data?: T; errors?: unknown }>(`${this.url}/graphql`, this.credentials, { query, variables });
    if (!answer.data || answer.errors) throw new Error(JSON.stringify(answer));
    return answer.data;
  }

  /** The variables of `orderMutation` for an order of one product in `lines` lines. */
  async orderInput(lines = 1): Promise<{ input: unknown }> {
    const { products } = await this.send<{ products: { nodes: { id: string }[] } }>('{ products(first: 1) { nodes { id } } }');
    const items = Array.from({ length: lines }, () => ({ productId: products.nodes[0]!.id, quantity: 1 }));
    return { input: { idempotencyKey: randomUUID(), items, paymentMethod: { token: 'sim_approve' } } };
  }

  /** Places an order and returns its id. */
  async order(lines = 1): Promise<string> {
    const { orderCreate } = await this.send<OrderCreated>(orderMutation, await this.orderInput(lines));
    if (!orderCreate.order) throw new Error(JSON.stringify(orderCreate));
    return orderCreate.order.id;
  }
}

/** Connects to a server's private database as its owner, the user who runs the server. */
export async function connectDatabase(server: Server): Promise<pg.Client> {
  const database = new pg.Client({ host: server.socket, port: 5432, user: 'orderwire', database: 'orderwire' });
  await database.connect();
  return database;
}

/** A promise with its resolvers; Node 20 has no Promise.withResolvers. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => void (resolve = settle));
  return { promise, resolve };
}

/** Creates an order. */
export const orderMutation = 'mutation Order($input: OrderCreateInput!) { orderCreate(input: $input) { order { id status } userErrors { message } } }';

/** The answer of `orderMutation`. */
export interface OrderCreated {
  readonly orderCreate: { readonly order: { readonly id: string; readonly status: string } };
}

async function post<T>(url: string, headers: Record<string, string>, body: unknown): Promise<T> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

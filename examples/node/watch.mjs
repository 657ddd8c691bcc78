// Signs in, places an order and prints its events until it is delivered. When the connection breaks, the stock graphql-ws client
// reconnects and resumes after the last item, so no event is lost or repeated.
//
//   cd examples/node && npm install && node watch.mjs http://127.0.0.1:8080
import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

const url = process.argv[2] ?? 'http://127.0.0.1:8080';

const post = async (path, headers, body) => {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return response.json();
};

const { token } = await post('/dev/token', {}, { user: 'ada', role: 'CUSTOMER' });
const authorization = `Bearer ${token}`;
const graphql = (query, variables) => post('/graphql', { authorization }, { query, variables });

const products = await graphql('{ products(first: 1) { nodes { id } } }');
const created = await graphql('mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }', {
  input: {
    idempotencyKey: randomUUID(), // makes the request safe to repeat if its answer is lost
    items: [{ productId: products.data.products.nodes[0].id, quantity: 1 }],
    paymentMethod: { token: 'sim_approve' },
  },
});
const { id } = created.data.orderCreate.order;
console.log('ordered', id);

const client = createClient({
  url: `${url.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
  retryAttempts: Infinity,
  shouldRetry: () => true, // reconnect also if the server is unreachable, which has no close code
});

// The client serialises the variables again at each attempt, so setting `after` to the last cursor is enough to resume.
const variables = { id, after: null };
const query = `subscription ($id: ID!, $after: EventCursor) {
  update: orderEvents(orderId: $id, after: $after) { kind cursor event { type } order { status version } }
}`;
for await (const { data } of client.iterate({ query, variables })) {
  const { kind, cursor, event, order } = data.update;
  console.log(order.version, event?.type ?? kind, order.status);
  variables.after = cursor;
  if (order.status === 'DELIVERED' || order.status === 'CANCELLED') break;
}
await client.dispose();

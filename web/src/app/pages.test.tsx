import { cleanup, render, screen, waitFor, within } from '@testing-library/react';
import userEvent, { PointerEventsCheckLevel } from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { App } from './app';
import { DevSignIn } from '../shared/dev-sign-in';
import { DraftStore } from '../shared/draft';
import { SessionStore } from '../shared/session';
import { FakeServer } from '../testing/fake-server';
import { eventAt, happened, quietBoard, orderAt, orderWithHistory, page } from '../testing/orders';

// jsdom has no canvas.
vi.mock('../board/chart', () => ({ default: () => null }));

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  window.scrollTo = () => undefined;
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

/** Renders the whole app at an address for a signed-in user, with the real cache and a fake server. */
function open(address: string, server: FakeServer, user: { user: string; role: 'CUSTOMER' | 'STAFF' } | null = { user: 'ada', role: 'CUSTOMER' }) {
  if (user) sessionStorage.setItem('orderwire.session', JSON.stringify({ ...user, token: 't', renewAt: Date.now() + 3_600_000 }));
  window.history.replaceState(null, '', address);
  render(<App session={new SessionStore(new DevSignIn())} draft={new DraftStore()} connect={server.connect} />);
}

/** A dialog ignores pointer events for the moment in which it opens. */
const openingDialog = { pointerEventsCheck: PointerEventsCheckLevel.Never };

const stepper = () => screen.getByRole('region', { name: 'Payment progress' });
const stepStates = () => within(stepper()).getAllByRole('listitem').map(({ dataset }) => `${dataset['step']}: ${dataset['state']}`);
const timeline = () => within(screen.getByRole('list', { name: 'Timeline' })).getAllByRole('listitem').map(({ dataset }) => dataset['event']);
const listed = () => within(screen.getByRole('list', { name: 'Orders' })).getAllByRole('link').map(({ textContent }) => textContent);
const snapshot = (version: number) => ({ kind: 'SNAPSHOT', cursor: 's', order: orderAt(1, version) });
const inFlight = () => document.querySelector('[data-figure=in-flight] dd')?.textContent;
const feedStarts = { kind: 'SNAPSHOT', cursor: 'f0' };

describe('an order’s payment page', () => {
  it('reaches delivered by pushes alone', async () => {
    const server = new FakeServer({ Order: () => ({ order: orderWithHistory(1, 1) }) });
    open('/payment?order=order_1', server);
    await screen.findByText(/The payment is being set up/);
    expect(stepStates()).toEqual(['initializing: current', 'processing: upcoming', 'outcome: upcoming', 'delivered: upcoming']);
    await server.push('orderEvents', snapshot(1));
    await server.push('orderEvents', happened(1, 2));
    await server.push('orderEvents', happened(1, 3));
    await server.push('orderEvents', happened(1, 4));
    await screen.findByText('Delivered. Enjoy!');
    expect(stepStates()).toEqual(['initializing: done', 'processing: done', 'outcome: done', 'delivered: done']);
    expect(server.asked).toEqual(['Order']);
  });

  it('asks for a sign-in when nobody is signed in', async () => {
    const server = new FakeServer({});
    open('/payment?order=order_1', server, null);
    expect(await screen.findByRole('heading', { name: 'Choose a user' })).toBeDefined();
    expect(server.asked).toEqual([]);
    expect(server.watched('orderFeed')).toBe(false);
  });

  it('says that the order was not found', async () => {
    const server = new FakeServer({ Order: () => ({ order: null }) });
    open('/payment?order=order_9', server);
    await screen.findByText('Order not found');
    expect(server.asked).toEqual(['Order']);
  });
});

describe('an order’s page', () => {
  it('adds each event to the history once, from either subscription', async () => {
    const server = new FakeServer({ Order: () => ({ order: orderWithHistory(1, 1) }) });
    open('/order/order_1', server);
    await screen.findByText('Order created');
    await server.push('orderEvents', snapshot(1));
    await server.push('orderFeed', happened(1, 2));
    await server.push('orderEvents', happened(1, 2));
    await server.push('orderEvents', happened(1, 3));
    await server.push('orderFeed', happened(1, 3));
    await screen.findByText('Payment confirmed');
    expect(timeline()).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED']);
    expect(server.asked).toEqual(['Order']);
  });

  it('loads the history once more when an event came before the subscription', async () => {
    let version = 1;
    const server = new FakeServer({ Order: () => ({ order: orderWithHistory(1, version) }) });
    open('/order/order_1', server);
    await screen.findByText('Order created');
    version = 3;
    await server.push('orderEvents', snapshot(3));
    await screen.findByText('Payment confirmed');
    expect(timeline()).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED']);
    await server.push('orderEvents', happened(1, 4));
    await screen.findByText('Order delivered');
    expect(server.asked).toEqual(['Order', 'Order']);
  });

  it('replaces the history at a RESET', async () => {
    let version = 3;
    const server = new FakeServer({ Order: () => ({ order: orderWithHistory(1, version) }) });
    open('/order/order_1', server);
    await waitFor(() => expect(timeline()).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED']));
    await server.push('orderEvents', snapshot(3));
    await server.push('orderEvents', happened(1, 4));
    await waitFor(() => expect(timeline()).toHaveLength(4));
    version = 2; // a backup was restored
    await server.push('orderEvents', { ...snapshot(2), kind: 'RESET' });
    await waitFor(() => expect(timeline()).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING']));
    await server.push('orderEvents', happened(1, 3));
    await waitFor(() => expect(timeline()).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED']));
    expect(server.asked).toEqual(['Order', 'Order']);
  });

  it('keeps the newer state when an older answer arrives late', async () => {
    let version = 1;
    const cancel = { orderCancel: { __typename: 'OrderCancelPayload', order: orderWithHistory(1, 1), userErrors: [] } };
    const server = new FakeServer({ Order: () => ({ order: orderWithHistory(1, version) }), OrderCancel: () => cancel }, ['OrderCancel']);
    open('/order/order_1', server);
    await screen.findByText('Order created');
    await server.push('orderEvents', snapshot(1));
    await userEvent.click(screen.getByRole('button', { name: 'Cancel order' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Yes, cancel it' }), openingDialog);
    version = 4;
    await server.push('orderEvents', happened(1, 2));
    await server.push('orderEvents', happened(1, 3));
    await server.push('orderEvents', happened(1, 4));
    await screen.findByText('Order delivered');
    server.release('OrderCancel');
    await screen.findByText('Order delivered');
    expect(await within(screen.getByRole('heading', { level: 1 }).parentElement!).findByText('Delivered')).toBeDefined();
    expect(timeline()).toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED', 'ORDER_DELIVERED']);
  });

  it('loads a long history page by page, and appends new events', async () => {
    const whole = Array.from({ length: 205 }, (_, index) => ({ ...eventAt(1, 1), id: `event_${index + 1}`, version: index + 1 }));
    const pageFrom = (start: number) => ({
      __typename: 'OrderEventConnection',
      nodes: whole.slice(start, start + 100),
      pageInfo: { __typename: 'PageInfo', hasNextPage: start + 100 < whole.length, endCursor: String(Math.min(start + 100, whole.length)) },
    });
    const order = { ...orderAt(1, 1), version: 205 };
    const server = new FakeServer({
      Order: () => ({ order: { ...order, events: pageFrom(0) } }),
      History: ({ after }) => ({ order: { __typename: 'Order', id: order.id, version: 205, events: pageFrom(Number(after)) } }),
    });
    open('/order/order_1', server);
    await waitFor(() => expect(timeline()).toHaveLength(205));
    await server.push('orderEvents', { kind: 'SNAPSHOT', cursor: 's', order });
    const next = { ...happened(1, 4), event: { ...eventAt(1, 4), version: 206 }, order: { ...orderAt(1, 4), version: 206 } };
    await server.push('orderEvents', next);
    await screen.findByText('Order delivered');
    expect(timeline()).toHaveLength(206);
    expect(timeline().at(-1)).toBe('ORDER_DELIVERED');
    expect(server.asked).toEqual(['Order', 'History', 'History']);
  });

  it('shows a cancellation at once, and reverts it when the server refuses it', async () => {
    const refusal = { __typename: 'OrderCancelUserError', message: 'It is already delivered.', code: 'ALREADY_DELIVERED' };
    const server = new FakeServer(
      {
        Order: () => ({ order: orderWithHistory(1, 3) }),
        OrderCancel: () => ({ orderCancel: { __typename: 'OrderCancelPayload', order: null, userErrors: [refusal] } }),
      },
      ['OrderCancel'],
    );
    open('/order/order_1', server);
    await userEvent.click(await screen.findByRole('button', { name: 'Cancel order' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Yes, cancel it' }), openingDialog);
    const head = screen.getByRole('heading', { level: 1 }).parentElement!;
    await within(head).findByText('Cancelling');
    expect(screen.queryByRole('button', { name: 'Cancel order' })).toBeNull();
    server.release('OrderCancel');
    await within(head).findByText('Confirmed');
    expect(screen.getByRole('button', { name: 'Cancel order' })).toBeDefined();
    expect((await screen.findByRole('alert')).textContent).toBe('It is already delivered.');
  });
});

describe('an order whose money moved at the provider', () => {
  const moved = (more: object) => ({ ...orderWithHistory(1, 3), ...more });
  const euro = (amountMinor: number) => ({ __typename: 'Money', amount: (amountMinor / 100).toFixed(2), amountMinor: String(amountMinor), currency: 'EUR' });

  it('shows a refund that was made outside, without alarm', async () => {
    const refund = { __typename: 'Refund', id: 'refund_1', status: 'SUCCEEDED', origin: 'PROVIDER', reason: null, createdAt: '2026-11-22T12:05:00.000000Z', amount: euro(1000) };
    const server = new FakeServer({ Order: () => ({ order: moved({ refunds: [refund], refunded: euro(1000), deliveryHold: 'REFUND' }) }) });
    open('/order/order_1', server);
    const item = within(await screen.findByRole('list', { name: 'Refunds' })).getByRole('listitem');
    expect(item.textContent).toMatch(/^Refund made at the payment provider .*Refunded€10\.00$/);
    expect(screen.queryByRole('alert')).toBeNull();
    expect(screen.queryByText('Withdrawn by disputes')).toBeNull();
  });

  it('says that the bank takes its time', async () => {
    const payment = { ...orderAt(1, 2).payment, delayed: true };
    const server = new FakeServer({ Order: () => ({ order: { ...orderWithHistory(1, 2), payment } }) });
    open('/payment?order=order_1', server);
    await screen.findByText(/^Your bank takes its time/);
    expect(within(stepper()).getByText('At your bank')).toBeDefined();
  });

  it('shows staff the dispute, its deadline, and why the order is not delivered', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-11-22T12:00:00Z'));
    const respondBy = '2026-11-29T11:59:00.000000Z';
    const dispute = { __typename: 'Dispute', id: 'dispute_1', status: 'NEEDS_RESPONSE', reason: 'product_not_received', respondBy, createdAt: '2026-11-22T12:05:00.000000Z', amount: euro(3600) };
    const payment = { ...orderAt(1, 3).payments[0], attention: 'DISPUTED', delayed: false, waits: false, captured: euro(3600), capturable: euro(0), capturesInParts: false, provider: 'simulated', providerReference: 'ch_1', attempts: [], declineCode: null };
    const order = moved({
      disputes: [dispute], disputed: euro(3600), deliveryHold: 'DISPUTE', refundable: euro(0), payments: [payment], payment, availableActions: ['DELIVER', 'CANCEL', 'RESOLVE'],
    });
    const delivered: unknown[] = [];
    const server = new FakeServer({
      StaffOrders: () => page([]),
      ...quietBoard,
      Attention: () => ({
        attention: {
          __typename: 'PaymentConnection',
          nodes: [{ ...payment, updatedAt: '2026-11-22T12:05:00.000000Z', order: { __typename: 'Order', id: order.id, version: order.version, number: order.number, disputes: [dispute] } }],
          pageInfo: { __typename: 'PageInfo', hasNextPage: false },
        },
      }),
      BoardOrder: () => ({ order }),
      OrderDeliver: ({ input }) => {
        delivered.push(input);
        return { orderDeliver: { __typename: 'OrderDeliverPayload', order: { ...orderWithHistory(1, 4), disputed: euro(3600) }, userErrors: [] } };
      },
    });
    open('/board?order=order_1', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    const drawer = await screen.findByRole('dialog');
    const shown = within(await within(drawer).findByRole('region', { name: 'Disputes' }));
    expect(shown.getByText(/^Respond/).textContent).toMatch(/^Respond by .*2026.*, 6 days left$/);
    expect(shown.getByText(/product not received/).textContent).toMatch(/^Needs a response €36\.00 · product not received · since/);
    expect(within(drawer).getByText(/^Is not delivered by its timer\. The charge is disputed\./)).toBeDefined();
    // The rest of the page is hidden from assistive technology while the drawer is open.
    const attention = screen.getByRole('region', { name: 'Payments that need attention', hidden: true });
    await waitFor(() => expect(attention.textContent).toMatch(/The charge is disputed: respond in the provider’s dashboard by .*, 6 days left/));
    await userEvent.click(within(drawer).getByRole('button', { name: 'Resolve' }));
    expect(within(drawer).getAllByRole('radio')).toHaveLength(1);
    await userEvent.click(within(drawer).getByRole('button', { name: 'Deliver all the same' }));
    expect(delivered).toEqual([]);
    await userEvent.click(await screen.findByRole('button', { name: 'Yes, deliver it' }), openingDialog);
    await waitFor(() => expect(delivered).toEqual([{ orderId: 'order_1' }]));
  });
});

describe('the drawer of an order', () => {
  it('shows what a push has brought, although the answer to the action is older and arrives later', async () => {
    const euro = (amountMinor: number) => ({ __typename: 'Money', amount: (amountMinor / 100).toFixed(2), amountMinor: String(amountMinor), currency: 'EUR' });
    const at = (version: number, captured: number, availableActions: string[]) => {
      const payment = { ...orderAt(1, 2).payment, status: 'AUTHORIZED', amount: euro(3600), captured: euro(captured), capturable: euro(3600 - captured), capturesInParts: true };
      const payments = [{ ...payment, provider: 'simulated', providerReference: 'ch_1', attempts: [] }];
      return { ...orderWithHistory(1, 2), version, payment, payments, refundable: euro(captured), captured: euro(captured), disputes: [], availableActions };
    };
    const [before, after] = [at(3, 0, ['CAPTURE', 'VOID']), at(4, 550, ['CAPTURE', 'VOID', 'REFUND'])];
    let read = 0;
    const server = new FakeServer(
      {
        StaffOrders: () => page([]),
        ...quietBoard,
        BoardOrder: () => ({ order: read++ === 0 ? before : after }),
        PaymentCapture: () => ({ paymentCapture: { __typename: 'PaymentCapturePayload', order: { ...before, availableActions: [] }, userErrors: [] } }),
      },
      ['PaymentCapture', 'BoardOrder'],
    );
    open('/board?order=order_1', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    await waitFor(() => server.release('BoardOrder'));
    const drawer = within(await screen.findByRole('dialog'));
    await userEvent.click(await drawer.findByRole('button', { name: 'Capture' }), openingDialog);
    const amount = await drawer.findByLabelText(/^Amount in EUR/);
    await userEvent.clear(amount);
    await userEvent.type(amount, '5.50');
    await userEvent.click(drawer.getByRole('button', { name: 'Capture payment' }));
    await waitFor(() => expect(server.asked).toContain('PaymentCapture'));
    await server.push('orderFeed', { kind: 'EVENT', cursor: 'f4', event: { ...eventAt(1, 3), version: 4 }, order: { ...after, events: undefined } });
    await waitFor(() => expect(server.asked.filter((name) => name === 'BoardOrder')).toHaveLength(2));
    server.release('PaymentCapture');
    await drawer.findByRole('button', { name: 'Refund' });
    server.release('BoardOrder');
    await drawer.findByText(/€5\.50 of €36\.00 captured/);
    await userEvent.click(drawer.getByRole('button', { name: 'Refund' }));
    expect((await drawer.findByLabelText<HTMLInputElement>(/^Amount in EUR/)).value).toBe('5.50');
  });
});

describe('the list of orders', () => {
  it('is loaded once the feed has started', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(1, 1)]) });
    open('/order', server);
    await screen.findByText(/Loading orders/);
    expect(server.asked).toEqual([]);
    await server.push('orderFeed', feedStarts);
    await screen.findByRole('list', { name: 'Orders' });
    expect(server.asked).toEqual(['Orders']);
  });

  it('is loaded while the feed is refused, and live once the feed has started', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(1, 1)]) });
    open('/order', server);
    await server.refuse('orderFeed', 'UNAVAILABLE');
    await screen.findByRole('list', { name: 'Orders' });
    await server.push('orderFeed', feedStarts);
    await waitFor(() => expect(server.asked).toEqual(['Orders', 'Orders']));
    await server.push('orderFeed', happened(2, 1));
    await waitFor(() => expect(listed()).toEqual(['OW-00000002', 'OW-00000001']));
  });

  it('is loaded at each refusal of the feed, and again when the feed starts during that', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(1, 1)]) }, ['Orders']);
    open('/order', server);
    await server.refuse('orderFeed', 'UNAVAILABLE');
    await waitFor(() => expect(server.asked).toEqual(['Orders']));
    await server.refuse('orderFeed', 'UNAVAILABLE');
    await waitFor(() => expect(server.asked).toEqual(['Orders', 'Orders']));
    await server.push('orderFeed', feedStarts);
    await waitFor(() => expect(server.asked).toEqual(['Orders', 'Orders', 'Orders']));
  });

  it('has the events that were pushed while it was loading', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(2, 1), orderAt(1, 1)]) }, ['Orders']);
    open('/order?status=CREATED', server);
    await server.push('orderFeed', feedStarts);
    await waitFor(() => expect(server.asked).toEqual(['Orders']));
    await server.push('orderFeed', happened(3, 1));
    await server.push('orderFeed', happened(2, 3));
    server.release('Orders');
    await screen.findByRole('list', { name: 'Orders' });
    expect(listed()).toEqual(['OW-00000003', 'OW-00000001']);
  });

  it('puts new orders on top and updates the others in place', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(2, 1), orderAt(1, 1)]) });
    open('/order', server);
    await server.push('orderFeed', feedStarts);
    await screen.findByRole('list', { name: 'Orders' });
    await server.push('orderFeed', happened(3, 1));
    await server.push('orderFeed', happened(1, 3));
    await server.push('orderFeed', happened(3, 1));
    await screen.findByText('OW-00000003');
    expect(listed()).toEqual(['OW-00000003', 'OW-00000002', 'OW-00000001']);
    expect(within(document.querySelector<HTMLElement>('[data-order=order_1]')!).getByText('Confirmed')).toBeDefined();
    expect(server.asked).toEqual(['Orders']);
  });

  it('keeps a filtered list to its filter', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(3, 1), orderAt(1, 1)]) });
    open('/order?status=CREATED', server);
    await server.push('orderFeed', feedStarts);
    await screen.findByRole('list', { name: 'Orders' });
    await server.push('orderFeed', happened(3, 3));
    await server.push('orderFeed', happened(2, 1));
    await screen.findByText('OW-00000002');
    expect(listed()).toEqual(['OW-00000002', 'OW-00000001']);
    expect(server.asked).toEqual(['Orders']);
  });

  it('loads further pages and stays sorted', async () => {
    const server = new FakeServer({
      Orders: ({ after }) => (after ? page([orderAt(2, 1), orderAt(1, 1)]) : page([orderAt(5, 1), orderAt(4, 1), orderAt(3, 1)], true)),
    });
    open('/order', server);
    await server.push('orderFeed', feedStarts);
    await userEvent.click(await screen.findByRole('button', { name: 'Show more' }));
    await screen.findByText('OW-00000001');
    await server.push('orderFeed', happened(6, 1));
    await server.push('orderFeed', happened(1, 2));
    await screen.findByText('OW-00000006');
    expect(listed()).toEqual([6, 5, 4, 3, 2, 1].map((number) => `OW-0000000${number}`));
    expect(screen.queryByRole('button', { name: 'Show more' })).toBeNull();
    expect(server.asked).toEqual(['Orders', 'Orders']);
  });

  it('is loaded again after a RESET', async () => {
    let orders = [orderAt(1, 1)];
    const server = new FakeServer({ Orders: () => page(orders) });
    open('/order', server);
    await server.push('orderFeed', feedStarts);
    await screen.findByText('OW-00000001');
    orders = [orderAt(2, 1), ...orders];
    await server.push('orderFeed', { kind: 'RESET', cursor: 'f9' });
    await screen.findByText('OW-00000002');
    expect(server.asked).toEqual(['Orders', 'Orders']);
  });

  it('drops the orders that were pushed before a RESET', async () => {
    const server = new FakeServer({ Orders: () => page([orderAt(1, 1)]) });
    open('/order', server);
    await server.push('orderFeed', feedStarts);
    await screen.findByText('OW-00000001');
    await server.push('orderFeed', happened(2, 1));
    await server.push('orderFeed', happened(1, 3));
    await screen.findByText('OW-00000002');
    await server.push('orderFeed', { kind: 'RESET', cursor: 'f9' });
    await waitFor(() => {
      expect(listed()).toEqual(['OW-00000001']);
      expect(within(document.querySelector<HTMLElement>('[data-order=order_1]')!).queryByText('Confirmed')).toBeNull();
    });
  });
});

describe('the documents of orders', () => {
  it.each([
    { role: 'CUSTOMER', address: '/order', list: 'Orders', feed: 'OrderFeed' },
    { role: 'STAFF', address: '/order', list: 'StaffOrders', feed: 'StaffOrderFeed' },
    { role: 'STAFF', address: '/board', list: 'StaffOrders', feed: 'StaffOrderFeed' },
  ] as const)('for $role at $address are $list and $feed', async ({ role, address, list, feed }) => {
    const server = new FakeServer({ [list]: () => page([orderAt(1, 1)]), ...quietBoard });
    open(address, server, { user: 'somebody', role });
    await server.push('orderFeed', feedStarts);
    await screen.findByText('OW-00000001');
    expect(server.asked.filter((name) => name.endsWith('Orders'))).toEqual([list]);
    expect(server.subscribed).toEqual([feed]);
  });

  it('fill the board from a list that the shop’s page has read, and from the feed', async () => {
    const server = new FakeServer({ StaffOrders: () => page([orderAt(1, 1)]), ...quietBoard });
    open('/order', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    await screen.findByText('OW-00000001');
    await server.push('orderFeed', happened(2, 1));
    await userEvent.click(screen.getByRole('link', { name: 'Board' }));
    const row = await screen.findByRole('row', { name: /OW-00000002/ });
    expect(within(row).getByTitle('customer_ada')).toBeDefined();
  });
});

describe('the board', () => {
  it('is for staff', async () => {
    open('/board', new FakeServer({}));
    expect(await screen.findByText('The board is for staff')).toBeDefined();
  });

  it('shows new orders live, with the actions of staff', async () => {
    const server = new FakeServer({ StaffOrders: () => page([]), ...quietBoard });
    open('/board', server, { user: 'staff', role: 'STAFF' });
    await screen.findByText(/Loading/);
    await server.push('orderFeed', feedStarts);
    await screen.findByText('No orders yet');
    await server.push('orderFeed', { ...happened(1, 3), order: { ...orderAt(1, 3), availableActions: ['DELIVER', 'CANCEL'] } });
    const row = await screen.findByRole('row', { name: /OW-00000001/ });
    expect(within(row).getAllByRole('button').map(({ textContent }) => textContent)).toEqual(['OW-00000001', 'Deliver now', 'Cancel order']);
  });

  it('shows endpoints that the server disabled, and reads them again at an event after a pause', async () => {
    const endpoint = { __typename: 'WebhookEndpoint', id: 'endpoint_1', url: 'https://shop.example/hooks', disabledReason: 'Every request failed for 72 hours.', disabledAt: '2026-11-22T12:00:00.000000Z' };
    let nodes: object[] = [endpoint, { ...endpoint, id: 'endpoint_2', url: 'https://by-staff.example', disabledReason: null }];
    const server = new FakeServer({ StaffOrders: () => page([]), ...quietBoard, DisabledEndpoints: () => ({ webhookEndpoints: { __typename: 'WebhookEndpointConnection', nodes } }) });
    const reads = () => server.asked.filter((name) => name === 'DisabledEndpoints').length;
    open('/board', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    const alert = await screen.findByRole('region', { name: 'Webhook endpoints that were disabled' });
    expect(within(alert).getByRole('heading').textContent).toBe('1 webhook endpoint was disabled');
    expect(within(alert).getByRole('listitem').textContent).toContain(`${endpoint.url}${endpoint.disabledReason}`);
    nodes = [];
    await server.push('orderFeed', happened(1, 1));
    await screen.findByRole('row', { name: /OW-00000001/ });
    expect(reads()).toBe(1);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
    await server.push('orderFeed', happened(1, 2));
    await waitFor(() => expect(screen.queryByRole('region', { name: 'Webhook endpoints that were disabled' })).toBeNull());
    expect(reads()).toBe(2);
  });

  it('tests and enables a webhook endpoint', async () => {
    const endpoint = {
      __typename: 'WebhookEndpoint', id: 'endpoint_1', url: 'https://shop.example/hooks', description: null, enabled: false, disabledReason: 'It answered 410 Gone.', eventTypes: [],
      failingSince: '2026-11-22T12:00:00.000000Z', pausedUntil: null, replay: { __typename: 'WebhookReplay', total: 250, done: 100, finishedAt: null },
    };
    const pageInfo = { __typename: 'PageInfo', hasNextPage: false, endCursor: null };
    const server = new FakeServer({
      ...quietBoard,
      Webhooks: () => ({ webhookEndpoints: { __typename: 'WebhookEndpointConnection', nodes: [endpoint] }, webhookDeliveries: { __typename: 'WebhookDeliveryConnection', nodes: [], pageInfo } }),
      WebhookEndpointTest: () => ({ webhookEndpointTest: { __typename: 'WebhookEndpointTestPayload', delivered: false, responseStatus: 503, problem: null, userErrors: [] } }),
      WebhookEndpointEnable: () => ({
        webhookEndpointUpdate: { __typename: 'WebhookEndpointUpdatePayload', endpoint: { ...endpoint, enabled: true, disabledReason: null, failingSince: null }, userErrors: [] },
      }),
    });
    open('/board?view=webhooks', server, { user: 'staff', role: 'STAFF' });
    const row = await screen.findByRole('row', { name: /shop.example/ });
    expect(row.textContent).toContain('Disabled It answered 410 Gone.');
    expect(row.textContent).toContain('replayed 100 of 250 events');
    await userEvent.click(within(row).getByRole('button', { name: 'Send test event' }));
    expect((await within(row).findByRole('status')).textContent).toBe('The receiver answered 503.');
    await userEvent.click(within(row).getByRole('button', { name: 'Enable' }));
    await within(row).findByText('Enabled');
    expect(within(row).queryByRole('button', { name: 'Enable' })).toBeNull();
  });

  it('has the provider asked about all payments that need staff, some hundred at a time', async () => {
    const cursors: unknown[] = [];
    const server = new FakeServer(
      {
        StaffOrders: () => page([]),
        ...quietBoard,
        Attention: () => ({
          attention: {
            __typename: 'PaymentConnection',
            nodes: [1, 2].map((number) => ({
              __typename: 'Payment', id: `payment_${number}`, status: 'PROCESSING', attention: 'UNKNOWN_OUTCOME', updatedAt: '2026-11-22T12:00:00.000000Z',
              amount: { __typename: 'Money', amount: '18.00', currency: 'EUR' }, order: { __typename: 'Order', id: `order_${number}`, version: 2, number: `OW-0000000${number}`, disputes: [] },
            })),
            pageInfo: { __typename: 'PageInfo', hasNextPage: true },
          },
        }),
        PaymentsRecheck: ({ input }) => {
          const { after } = input as { after: string | null };
          cursors.push(after);
          return { paymentsRecheck: { __typename: 'PaymentsRecheckPayload', rechecked: after ? 40 : 500, nextCursor: after ? null : 'c500' } };
        },
      },
      ['PaymentsRecheck'],
    );
    open('/board', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    const button = await screen.findByRole('button', { name: 'Ask the provider about all 2+ again' });
    await userEvent.click(button);
    await screen.findByText('Asking: 0 so far…');
    expect(button).toHaveProperty('disabled', true);
    server.release('PaymentsRecheck');
    await screen.findByText('Asking: 500 so far…');
    server.release('PaymentsRecheck');
    await screen.findByText(/being asked about 540 payments/);
    expect(button).toHaveProperty('disabled', false);
    expect(cursors).toEqual([null, 'c500']);
  });

  it('loads a table page by page, and again from its first page on Refresh', async () => {
    const entry = (id: number) => ({ __typename: 'AuditEntry', id: `audit_${id}`, at: '2026-11-22T12:00:00.000000Z', actorId: 'customer_staff', action: `action.${id}`, subjectId: null, detail: null });
    const cursors: unknown[] = [];
    const server = new FakeServer({
      ...quietBoard,
      Audit: ({ after }) => {
        cursors.push(after);
        const nodes = after ? [entry(1)] : [entry(3), entry(2)];
        return { auditTrail: { __typename: 'AuditEntryConnection', nodes, pageInfo: { __typename: 'PageInfo', hasNextPage: !after, endCursor: after ? 'end' : 'c2' } } };
      },
    });
    open('/board?view=audit', server, { user: 'staff', role: 'STAFF' });
    const table = await screen.findByRole('region', { name: 'Audit trail' });
    const actions = () => within(table).getAllByRole('rowheader').map(({ textContent }) => textContent);
    await userEvent.click(await within(table).findByRole('button', { name: 'Show more' }));
    await waitFor(() => expect(actions()).toEqual(['action.3', 'action.2', 'action.1']));
    expect(within(table).queryByRole('button', { name: 'Show more' })).toBeNull();
    await userEvent.click(within(table).getByRole('button', { name: 'Refresh' }));
    await waitFor(() => expect(cursors).toEqual([null, 'c2', null]));
  });

  it('retries failed queries although its feed stayed open', async () => {
    const server = new FakeServer({ StaffOrders: () => page([]), ...quietBoard });
    server.failing = true;
    open('/board', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    await waitFor(() => expect(screen.getAllByRole('alert')).toHaveLength(3));
    server.failing = false;
    await screen.findByText('No orders yet');
    await waitFor(() => {
      expect(screen.queryByRole('alert')).toBeNull();
      expect(inFlight()).toBe('0'); // each of the three retries at its own time
    });
  });

  it('is live again after the feed was refused', async () => {
    const server = new FakeServer({ StaffOrders: () => page([]), ...quietBoard });
    open('/board', server, { user: 'staff', role: 'STAFF' });
    await server.push('orderFeed', feedStarts);
    await screen.findByText('No orders yet');
    await server.refuse('orderFeed', 'UNAVAILABLE');
    await server.refuse('orderFeed', 'UNAVAILABLE');
    await server.push('orderFeed', feedStarts);
    await waitFor(() => expect(server.asked).toHaveLength(4 * 4)); // at the start, at each refusal, at the new start
    await server.push('orderFeed', happened(1, 1));
    await screen.findByRole('row', { name: /OW-00000001/ });
    await waitFor(() => expect(inFlight()).toBe('1'));
  });
});

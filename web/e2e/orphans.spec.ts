import { randomUUID } from 'node:crypto';
import { expect, startTimeout, test as base } from './fixtures';
import { checkPage } from './check-page';
import { Server } from './server';

// The browser reports failed sockets while the server is down.
const test = base.extend<{ provider: Server }>({
  expectedErrors: /WebSocket|ERR_CONNECTION_REFUSED/,
  provider: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads a fixture's needs from this pattern
    async ({}, provide) => {
      const provider = await Server.start({ payment: '100ms', delivery: '100ms' }, {}, ['simprovider']);
      await provide(provider);
      await provider.stop();
    },
    { scope: 'test', timeout: startTimeout },
  ],
  server: [
    async ({ provider }, provide) => {
      const server = await Server.start({ payment: '100ms', delivery: '100ms' }, { SIMULATED_URL: provider.url, ORPHAN_INTERVAL: '100ms', ORPHAN_GRACE: '0s' });
      await provide(server);
      await server.stop();
    },
    { scope: 'test', timeout: startTimeout },
  ],
});

interface Charge {
  reference: string;
  orderId: string;
  paymentId: string;
  amount: { amountMinor: string; currency: string };
}

test('staff see the charges of orders that a restore has lost until they are refunded', async ({ provider, server, signIn }) => {
  const restore = await server.backUp();
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const delivered = async (id: string) =>
    (await customer.send<{ order: { status: string } }>('query($id: ID!) { order(id: $id) { status } }', { id })).order.status;
  const ids = [await customer.order(), await customer.order('sim_approve', { quantity: 2 })];
  for (const id of ids) await expect.poll(() => delivered(id)).toBe('DELIVERED'); // oxlint-disable-line no-await-in-loop
  const { page } = staff;
  const list = page.getByRole('region', { name: 'Charges without an order' });
  const refreshed = async (rows: number) => {
    await list.getByRole('button', { name: 'Refresh' }).click();
    await expect(list.locator('tbody tr')).toHaveCount(rows, { timeout: 1000 }); // toPass tries again
  };
  await page.goto('/board?view=differences');
  await expect(list.getByRole('heading', { name: 'No charges without an order' })).toBeVisible();

  await restore();
  await expect(() => refreshed(2)).toPass();
  for (const id of ids) await expect(list.getByRole('row', { name: id })).toContainText('Captured'); // oxlint-disable-line no-await-in-loop
  await expect(list.getByRole('row', { name: ids[1]! })).toContainText('€36.00');
  await expect(list).toContainText('Refund or void it there');
  await checkPage(page, 'the charges without an order');

  const { orphanedCharges } = await staff.send<{ orphanedCharges: { nodes: Charge[] } }>(
    '{ orphanedCharges { nodes { reference orderId paymentId amount { amountMinor currency } } } }',
  );
  for (const charge of orphanedCharges.nodes) await refund(provider, charge); // oxlint-disable-line no-await-in-loop
  await expect(() => refreshed(0)).toPass();
  await expect(list.getByRole('heading', { name: 'No charges without an order' })).toBeVisible();
});

/** Refunds a charge at the provider, as staff do in its dashboard. */
async function refund(provider: Server, { reference, orderId, paymentId, amount }: Charge): Promise<void> {
  const { status } = await fetch(`${provider.url}/v1/refund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    body: JSON.stringify({
      orderId: uuidOf(orderId),
      paymentId: uuidOf(paymentId),
      refundId: randomUUID(),
      amountMinor: Number(amount.amountMinor),
      currency: amount.currency,
      reference,
    }),
  });
  expect(status).toBe(200);
}

/** The UUID in a TypeID: 26 digits of Crockford's base 32. */
function uuidOf(id: string): string {
  const digits = '0123456789abcdefghjkmnpqrstvwxyz';
  const value = id.slice(-26).split('').reduce((sum, digit) => sum * 32n + BigInt(digits.indexOf(digit)), 0n);
  return value.toString(16).padStart(32, '0').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

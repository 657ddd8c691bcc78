import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { expect, test, timeline, type Shopper, withServer } from './fixtures';
import { checkPage } from './check-page';

test.use({ pace: 'undelivered' });

/** Opens the board and waits until it is live. */
async function board(staff: Shopper, search = ''): Promise<Page> {
  const { page } = staff;
  await page.goto(`/board${search}`);
  // Not by role: while a drawer is open, the rest of the page is hidden from the accessibility tree.
  await expect(page.locator('[data-connection]')).toHaveAttribute('data-connection', 'live');
  return page;
}

/** Opens an order's drawer from its row. */
async function drawer(page: Page, id: string) {
  await page.locator(`tr[data-order=${id}] .order-button`).click();
  await expect(page.locator(`[data-drawer=${id}]`)).toBeVisible();
  return page.getByRole('dialog');
}

test('staff see orders arrive and deliver one, without polling', async ({ signIn }) => {
  const [ada, grace, staff] = [await signIn(), await signIn(), await signIn('STAFF')];
  const page = await board(staff);
  await expect(page.getByRole('img', { name: /orders created/ })).toBeVisible();
  const confirmed = page.locator('[data-figure=CONFIRMED] dd');
  await expect(confirmed).toHaveText(/^\d+$/);
  const before = Number(await confirmed.textContent());
  const orders = [await ada.order(), await grace.order()];
  for (const id of orders) await expect(page.locator(`tr[data-order=${id}]`)).toContainText('Confirmed'); // oxlint-disable-line no-await-in-loop
  await expect.poll(async () => Number(await confirmed.textContent()), 'the figure follows the feed').toBeGreaterThanOrEqual(before + 2);
  const row = page.locator(`tr[data-order=${orders[0]}]`);
  await row.getByRole('button', { name: 'Deliver now' }).click();
  await expect(row).toContainText('Delivered');
  await checkPage(page, 'the board');
  const asked = staff.posts.map((body) => (JSON.parse(body) as { operationName: string }).operationName).filter((name) => name !== 'Stats' && name !== 'DisabledEndpoints'); // read again at events
  expect(asked.toSorted(), 'the feed brought the rest').toEqual(['Attention', 'OrderDeliver', 'StaffOrders']);
});

test('staff refund a part of a payment', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order();
  const page = await board(staff);
  const dialog = await drawer(page, id);
  await dialog.getByRole('button', { name: 'Refund' }).click();
  const amount = dialog.getByLabel('Amount in EUR');
  await amount.fill('18.01');
  await expect(dialog.getByText('at most €18.00')).toHaveClass('warn');
  await expect(dialog.getByRole('button', { name: 'Refund' })).toBeDisabled();
  await amount.fill('5,50');
  await dialog.getByLabel('Reason').fill('One handle was chipped');
  await dialog.getByRole('button', { name: 'Refund' }).click();
  await expect(dialog.locator('[data-refund=SUCCEEDED]')).toContainText('€5.50');
  await expect(dialog.getByRole('region', { name: 'Items and amounts' })).toContainText('Refunded€5.50');
  await expect.poll(() => timeline(page)).toContain('REFUND_SUCCEEDED');
  await checkPage(page, 'the drawer');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.locator(`tr[data-order=${id}] .order-button`), 'the focus goes back').toBeFocused();
  await page.getByRole('link', { name: 'Audit' }).click();
  await expect(page.getByRole('row', { name: /refund\.create/ }).first()).toContainText('5.50 EUR');
  await checkPage(page, 'the audit trail');
});

test('staff refund items', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order();
  const page = await board(staff);
  const dialog = await drawer(page, id);
  await dialog.getByRole('button', { name: 'Refund' }).click();
  await dialog.getByRole('radio', { name: 'Items' }).check();
  await expect(dialog.getByRole('button', { name: 'Refund' })).toBeDisabled();
  const pieces = dialog.getByRole('spinbutton');
  await pieces.fill('1000');
  await expect(dialog.getByRole('button', { name: 'Refund' })).toBeDisabled();
  await pieces.fill('1');
  await expect(dialog.getByText('Refunds €18.00. At most €18.00 can be refunded.')).toBeVisible();
  await checkPage(page, 'the form');
  await dialog.getByRole('button', { name: 'Refund' }).click();
  await expect(dialog.locator('[data-refund=SUCCEEDED]')).toContainText('€18.00');
  await expect(dialog.getByRole('region', { name: 'Items and amounts' })).toContainText('1 refunded');
});

test('staff capture a part, which limits the refund of items, then the rest', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order('sim_approve', { captureMethod: 'MANUAL' });
  const page = await board(staff, `?order=${id}`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Capture' }).click();
  await dialog.getByLabel('Amount in EUR').fill('5.50');
  await checkPage(page, 'the form of a capture');
  await dialog.getByRole('button', { name: 'Capture payment' }).click();
  await expect(dialog.getByRole('region', { name: 'Payments' })).toContainText('€12.50 can be captured');
  await dialog.getByRole('button', { name: 'Refund' }).click();
  await dialog.getByRole('radio', { name: 'Items' }).check();
  await dialog.getByRole('spinbutton').fill('1');
  await expect(dialog.getByText('Refunds €18.00. At most €5.50 can be refunded.')).toHaveClass('warn');
  await expect(dialog.getByRole('button', { name: 'Refund' })).toBeDisabled();
  await checkPage(page, 'the form of a refund');
  await dialog.getByRole('button', { name: 'Back' }).click();
  await dialog.getByRole('button', { name: 'Capture' }).click();
  await expect(dialog.getByLabel('Amount in EUR')).toHaveValue('12.50');
  await dialog.getByRole('button', { name: 'Capture payment' }).click();
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Payment confirmed' })).toContainText('€18.00');
  await dialog.getByRole('button', { name: 'Refund' }).click();
  await dialog.getByRole('radio', { name: 'Items' }).check();
  await dialog.getByRole('spinbutton').fill('1');
  await dialog.getByRole('button', { name: 'Refund' }).click();
  await expect(dialog.locator('[data-refund=SUCCEEDED]')).toContainText('€18.00');
});

test('staff capture one authorized payment and void another', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const authorize = () => customer.order('sim_approve', { captureMethod: 'MANUAL' });
  const [captured, voided] = [await authorize(), await authorize()];
  const page = await board(staff, `?order=${captured}`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Capture' }).click();
  await dialog.getByLabel('Amount in EUR').fill('5.50');
  await expect(dialog.getByText('The rest stays authorized.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Capture payment' }).click();
  await expect(dialog.getByRole('listitem').filter({ hasText: 'A part of the payment was captured' })).toContainText('€5.50');
  await expect(dialog.getByRole('region', { name: 'Payments' })).toContainText('€5.50 of €18.00 captured, €12.50 can be captured');
  await dialog.getByRole('button', { name: 'Capture' }).click();
  await expect(dialog.getByLabel('Amount in EUR')).toHaveValue('12.50');
  await dialog.getByRole('button', { name: 'Capture payment' }).click();
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Payment confirmed' })).toContainText('€18.00');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await drawer(page, voided);
  await dialog.getByRole('button', { name: 'Void' }).click();
  await dialog.getByRole('button', { name: 'Void authorization' }).click();
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Payment voided' })).toBeVisible();
});

test('staff see the deliveries to an endpoint, and send one again', async ({ signIn }) => {
  const received: string[] = [];
  const receiver = createServer((request, response) => {
    received.push(String(request.headers['webhook-id']));
    request.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const { webhookEndpointCreate } = await staff.send<{ webhookEndpointCreate: { userErrors: unknown[] } }>(
    'mutation($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input) { userErrors { message } } }',
    { input: { url, eventTypes: ['PAYMENT_CONFIRMED'] } });
  expect(webhookEndpointCreate.userErrors).toEqual([]);
  await customer.order();
  await expect.poll(() => received.length).toBe(1);
  const page = await board(staff, '?view=webhooks');
  const delivery = page.getByRole('row', { name: new RegExp(`Payment confirmed.*${url}`) });
  const refresh = page.getByRole('region', { name: 'Deliveries' }).getByRole('button', { name: 'Refresh' });
  await expect(async () => {
    await refresh.click();
    await expect(delivery).toContainText('Delivered', { timeout: 1000 }); // toPass tries again
  }).toPass();
  await checkPage(page, 'the webhooks');
  await delivery.getByRole('button', { name: 'Send again' }).click();
  await expect.poll(() => received.length).toBe(2);
  expect(received[1], 'the same event').toBe(received[0]);
  receiver.close();
  receiver.closeAllConnections();
});

// Attention is set when a key's life ends, less an hour: here after a second.
const withFailingProvider = withServer({ payment: '100ms', delivery: '1h' }, { SIMULATED_FAILURE_RATE: '1', SIMULATED_KEY_LIFE: '1h1s' });

withFailingProvider('staff settle a payment whose outcome is unknown', async ({ signIn }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const id = await customer.order();
  const page = await board(staff);
  const attention = page.getByRole('region', { name: 'Payments that need attention' });
  await expect(attention).toBeVisible({ timeout: 120_000 });
  await checkPage(page, 'the board with a payment that needs attention', 'html', Infinity); // the list appears on top and moves the rest
  await attention.getByRole('button', { name: /^OW-/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Resolve' }).click();
  await dialog.getByRole('radio', { name: 'The payment was captured' }).check();
  await dialog.getByLabel('Evidence').fill('Their dashboard shows the charge');
  await dialog.getByRole('button', { name: 'Settle payment' }).click();
  await expect(dialog.getByRole('listitem').filter({ hasText: 'Payment confirmed' })).toBeVisible();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(attention).toBeHidden();
  await expect(page.locator(`tr[data-order=${id}]`)).toContainText('Confirmed');
});

test('customers are refused the board', async ({ shopper: { page, posts } }) => {
  await page.goto('/board');
  await expect(page.getByRole('heading', { name: 'The board is for staff' })).toBeVisible();
  expect(posts.join(' ')).not.toContain('Stats');
});

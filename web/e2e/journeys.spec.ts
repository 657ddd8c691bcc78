import { declined, delivered, expect, stepStates, test, timeline, withServer } from './fixtures';

test('a customer approves a payment that requires an action, and refuses another at the provider’s own page', async ({ shopper: { page, order, context } }) => {
  const first = await order('sim_requires_action');
  await page.goto(`/payment?order=${first}`);
  await page.getByRole('button', { name: 'Approve' }).click();
  await expect.poll(() => stepStates(page)).toEqual(delivered);

  const second = await order('sim_requires_action');
  await page.goto(`/payment?order=${second}`);
  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open the provider’s page' }).click();
  const provider = await opened;
  await provider.getByRole('button', { name: 'Refuse' }).click();
  await expect.poll(() => stepStates(page), { message: 'the shop’s page follows by itself' }).toEqual(declined);
  await expect(page.getByRole('button', { name: 'Pay again' })).toBeVisible();
});

test('a customer pays another way while a payment waits for their confirmation', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_requires_action')}`);
  await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
  await page.getByText('Pay another way', { exact: true }).first().click();
  await page.getByRole('button', { name: 'Pay another way' }).click();
  await expect.poll(() => stepStates(page)).toEqual(delivered);
  await expect(page.getByRole('button', { name: 'Approve' })).toBeHidden();
});

test.describe('offline', () => {
  // A slow machine is offline for long enough that the page tries to reconnect, which the browser reports.
  test.use({ expectedErrors: /ERR_INTERNET_DISCONNECTED/ });
  test('a page continues after the network was lost, without reload', async ({ shopper: { page, context, order, posts } }) => {
    const id = await order('sim_requires_action');
    await page.goto(`/order/${id}`);
    const connection = page.getByRole('status', { name: 'Connection' });
    await expect(connection).toHaveText('Live');
    await expect(page.getByRole('listitem').filter({ hasText: 'Payment requires an action' })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
    const read = posts.length;

    await context.setOffline(true);
    await expect(connection).toHaveText('Offline');
    await context.setOffline(false);
    await expect(connection).toHaveText('Live');
    await page.getByRole('button', { name: 'Approve' }).click();
    await expect.poll(async () => (await timeline(page)).at(-1)).toBe('ORDER_DELIVERED');
    const names = posts.slice(read).map((body) => (JSON.parse(body) as { operationName: string }).operationName);
    expect(names, 'the rest was pushed').toEqual(['PaymentCompleteAction']);
  });
});

test('two tabs of one order show the same', async ({ shopper: { page, order, openTab } }) => {
  const id = await order('sim_decline');
  await page.goto(`/payment?order=${id}`);
  const other = await openTab();
  await other.goto(`/order/${id}`);
  await expect(other.getByRole('button', { name: 'Pay again' })).toBeVisible();
  await page.getByRole('button', { name: 'Pay again' }).click();
  await expect.poll(() => stepStates(page)).toEqual(delivered);
  await expect.poll(() => timeline(other)).toContain('ORDER_DELIVERED');
  await expect(other.getByRole('button', { name: 'Pay again' })).toBeHidden();
});

const withOwnServer = withServer({ payment: '200ms', delivery: '1h' });

withOwnServer.describe('while the server restarts', () => {
  withOwnServer.use({ expectedErrors: /WebSocket|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE/ });

  withOwnServer('an open page says so, and its timeline receives later events', async ({ shopper: { page, order }, server }) => {
    await page.goto(`/order/${await order('sim_requires_action')}`);
    const connection = page.getByRole('status', { name: 'Connection' });
    await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));

    await server.drain();
    await expect(connection).toHaveText('Restarting');
    await server.start();
    await expect(connection).toHaveText('Live');
    await page.getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByRole('listitem').filter({ hasText: 'Payment confirmed' })).toBeVisible();
    expect(await page.evaluate(() => 'sameDocument' in window), 'the page was not reloaded').toBe(true);
  });
});

import { delivered, expect, stepStates, test, timeline } from './fixtures';

const allEvents = ['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED', 'ORDER_DELIVERED'];

test('the list is live in a second tab', async ({ shopper }) => {
  const { page, order, posts, openTab } = shopper;
  const first = await order();
  await page.goto('/order');
  const other = await openTab();
  await other.goto('/order');
  const rows = other.getByRole('list', { name: 'Orders' }).getByRole('listitem');
  await expect(rows).toHaveCount(1);
  await expect(page.getByRole('list', { name: 'Orders' })).toBeVisible();
  const read = posts.length;
  const second = await order();
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toHaveAttribute('data-order', second);
  await expect(rows.last()).toHaveAttribute('data-order', first);
  await expect(rows.first()).toContainText('Delivered');
  await expect(page.getByRole('list', { name: 'Orders' }).getByRole('listitem').first()).toContainText('Delivered');
  expect(posts.length, 'nothing was loaded again').toBe(read);
});

test('the list loads further pages as the user scrolls', async ({ shopper: { page, order } }) => {
  const first = await order();
  for (let more = 0; more < 24; more++) await order('sim_decline'); // oxlint-disable-line no-await-in-loop -- in this order
  await page.goto('/order');
  const rows = page.getByRole('list', { name: 'Orders' }).getByRole('listitem');
  await expect(rows).toHaveCount(20);
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  await expect(rows).toHaveCount(25);
  await expect(rows.last()).toHaveAttribute('data-order', first);
});

test('filters by status in the address', async ({ shopper: { page, order } }) => {
  await order();
  await page.goto('/order?status=CANCELLED');
  await expect(page.getByText('No orders with this status')).toBeVisible();
  await page.getByRole('button', { name: 'Delivered' }).click();
  await expect(page).toHaveURL(/status=DELIVERED/);
  await expect(page.getByRole('list', { name: 'Orders' }).getByRole('listitem')).toHaveCount(1);
});

test('a deep link and a reload at any moment show the current state', async ({ shopper: { page, order } }) => {
  const id = await order();
  await page.goto(`/payment?order=${id}`);
  await page.reload();
  await expect.poll(() => stepStates(page)).toEqual(delivered);
  await page.goto(`/order/${id}`);
  await expect.poll(() => timeline(page)).toEqual(allEvents);
  await page.reload();
  await expect.poll(() => timeline(page)).toEqual(allEvents);
  await expect(page.getByRole('region', { name: 'Items and amounts' })).toContainText('Paid€18.00');
});

test('another customer’s order is not found', async ({ signIn }) => {
  const ada = await signIn();
  const grace = await signIn();
  const id = await ada.order();
  await grace.page.goto(`/order/${id}`);
  await expect(grace.page.getByRole('heading', { name: 'Order not found' })).toBeVisible();
  await grace.page.goto('/order');
  await expect(grace.page.getByRole('heading', { name: 'No orders yet' })).toBeVisible();
});

test.describe('while a paid order is undelivered', () => {
  test.use({ pace: 'undelivered' });

  test('staff see it on the board and deliver it, and its owner sees the change', async ({ signIn }) => {
    const customer = await signIn();
    const staff = await signIn('STAFF');
    await staff.page.goto('/board');
    await expect(staff.page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    const id = await customer.order();
    await customer.page.goto(`/payment?order=${id}`);
    await expect(customer.page.getByText('Your order is on its way')).toBeVisible();
    const row = staff.page.locator(`[data-order=${id}]`);
    await row.getByRole('button', { name: 'Deliver now' }).click();
    await expect(row).toContainText('Delivered');
    await expect(row.getByRole('button', { name: 'Deliver now' })).toHaveCount(0);
    await expect.poll(() => stepStates(customer.page)).toEqual(delivered);
  });

  test('its owner cancels it and is refunded', async ({ shopper: { page, order } }) => {
    await page.goto(`/order/${await order()}`);
    await expect(page.getByRole('listitem').filter({ hasText: 'Payment confirmed' })).toBeVisible();
    await page.getByRole('button', { name: 'Cancel order' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Yes, cancel it' }).click();
    await expect(page.getByRole('listitem').filter({ hasText: 'Order cancelled' })).toBeVisible();
    await expect(page.getByRole('region', { name: 'Items and amounts' })).toContainText('Refunded€18.00');
  });

  test('the board is not for customers', async ({ shopper: { page } }) => {
    await page.goto('/board');
    await expect(page.getByRole('heading', { name: 'The board is for staff' })).toBeVisible();
  });
});

test('a visitor can browse and is asked to sign in for orders', async ({ browser, server }) => {
  const page = await browser.newPage({ baseURL: server.url });
  await page.goto('/order');
  await expect(page.getByRole('heading', { name: 'Choose a user' })).toBeVisible();
  await page.getByRole('button', { name: /^Ada/ }).click();
  await expect(page.getByRole('heading', { name: 'Orders', exact: true })).toBeVisible();
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await page.close();
});

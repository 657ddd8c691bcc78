import { randomUUID } from 'node:crypto';
import type { Page } from '@playwright/test';
import { expect, test, withServer } from './fixtures';
import { checkPage } from './check-page';

// The page explains the server's refusals, and no input is lost. The browser reports the statuses as console errors.
test.use({ expectedErrors: /status of (400|429|503)/ });

const draft = (page: Page) => page.evaluate(() => sessionStorage.getItem('orderwire.draft'));

async function fill(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByRole('button', { name: /^Add/ }).first().click();
  await page.getByRole('link', { name: 'Review order' }).click();
  await expect(page.getByRole('button', { name: 'Order and pay' })).toBeEnabled();
}

const pace = { payment: '100ms', delivery: '1h' };

test('a price that changes while the order is open', async ({ shopper: { page, send }, signIn }) => {
  const staff = await signIn('STAFF');
  const sku = `CUP-${randomUUID().slice(0, 8)}`;
  const priced = async (minor: number) => {
    const { productUpsert } = await staff.send<{ productUpsert: { product: { id: string } } }>(
      'mutation($input: ProductUpsertInput!) { productUpsert(input: $input) { product { id } } }',
      { input: { sku, name: `Cup ${sku}`, priceMinor: String(minor), currency: 'EUR' } },
    );
    return productUpsert.product.id;
  };
  const totals = async () => {
    const { orders } = await send<{ orders: { nodes: { total: { amountMinor: string } }[] } }>('{ orders { nodes { total { amountMinor } } } }');
    return orders.nodes.map(({ total }) => total.amountMinor);
  };
  const productId = await priced(1800);
  await page.goto(`/?q=${sku}`);
  await page.getByRole('button', { name: `Add Cup ${sku}` }).click();
  await page.getByRole('link', { name: 'Review order' }).click();
  const first = page.getByRole('button', { name: 'Order and pay' });
  await expect(page.getByText('Total €18.00')).toBeVisible();
  await expect(first).toBeEnabled();

  await priced(1900);
  await first.scrollIntoViewIfNeeded(); // as a click does
  const place = await first.boundingBox();
  await first.dblclick(); // the second click must agree to nothing
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('The total is now €19.00, not €18.00. Nothing is ordered yet.');
  await expect(alert).toBeFocused();
  const pressed = page.getByRole('button', { name: 'The total has changed' });
  await expect(pressed).toBeDisabled();
  expect(await pressed.boundingBox(), 'the place of the button that was pressed').toEqual(place);
  await expect(page.getByText('Total €19.00')).toBeVisible();
  await expect(page.getByText('€19.00 each')).toBeVisible();
  await checkPage(page, 'the question about a new total');
  expect(await totals()).toEqual([]);

  await priced(2000);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Order for €19.00' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(alert).toContainText('The total is now €20.00, not €19.00.');
  expect(await totals()).toEqual([]);

  await page.getByRole('button', { name: `One more of Cup ${sku}` }).click();
  await expect(alert, 'another order is another question').toHaveCount(0);
  await expect(page.getByText('Total €40.00')).toBeVisible();
  await priced(1500);
  await first.click();
  await page.getByRole('button', { name: 'Order for €30.00' }).click();
  await expect(page).toHaveURL(/\/payment\?order=order_/);
  expect(await totals()).toEqual(['3000']);
  await staff.send('mutation($input: ProductArchiveInput!) { productArchive(input: $input) { userErrors { message } } }', { input: { productId } });
});

withServer(pace, { ATTEMPTS_PER_CUSTOMER: '1', MAX_PAYMENTS_PER_ORDER: '2' })('too many attempts to pay', async ({ shopper: { page, order } }) => {
  const id = await order('sim_decline');
  await page.goto(`/payment?order=${id}`);
  await page.getByRole('button', { name: 'Pay again' }).click();
  await expect(page.getByRole('alert')).toContainText(/Too many of your payments were declined.*Try again in/);
  await fill(page);
  const before = await draft(page);
  await page.getByRole('button', { name: 'Order and pay' }).click();
  await expect(page.getByRole('alert')).toContainText('Too many of your payments were declined');
  expect(await draft(page), 'the draft and its key').toBe(before);
});

withServer(pace, { MAX_PAYMENTS_PER_ORDER: '1' })('an order that accepts no more payments', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_decline')}`);
  await expect(page.getByText('cancel it and place a new one')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Pay again' })).toHaveCount(0);
});

withServer(pace, { ORDER_EXPIRY: '1s' })('an order that was not paid in time', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_decline')}`);
  await expect(page.getByText('not paid in time and is cancelled')).toBeVisible();
});

withServer(pace, { MAX_COST: '5000' })('a page that costs more than the server allows', async ({ shopper: { page } }) => {
  await page.goto('/order');
  await expect(page.getByRole('alert')).toContainText('can raise MAX_COST');
  await expect(page.getByRole('button', { name: 'Try again' })).toHaveCount(0);
});

test('a search that is too long', async ({ shopper: { page } }) => {
  await page.goto(`/?q=${'x'.repeat(101)}`);
  await expect(page.getByText('at most 100 are allowed')).toBeVisible();
  await page.getByRole('button', { name: 'Show all products' }).click();
  await expect(page.getByRole('list', { name: 'Products' }).getByRole('listitem').first()).toBeVisible();
});

withServer(pace)('a database that hangs', async ({ shopper: { page, send, order, openTab }, server }) => {
  await fill(page);
  const before = await draft(page);
  const unfreeze = server.freezeDatabase();
  await page.getByRole('button', { name: 'Order and pay' }).click();
  await expect(page.getByRole('alert')).toContainText('Nothing is lost: try again');
  expect(await draft(page), 'the draft and its key').toBe(before);
  const list = await openTab();
  await list.goto('/order');
  await expect(list.getByRole('alert')).toContainText('Nothing is lost: try again');
  unfreeze();
  await expect(async () => {
    await page.getByRole('button', { name: 'Order and pay' }).click({ timeout: 2000 }).catch(() => undefined); // the page may have just left
    await expect(page).toHaveURL(/\/payment\?order=/, { timeout: 2000 }); // the server may take a moment to reconnect
  }).toPass();
  const { orders } = await send<{ orders: { nodes: unknown[] } }>('{ orders { nodes { id } } }');
  expect(orders.nodes, 'ordered once').toHaveLength(1);
  // The list is live again by itself.
  const id = await order();
  await expect(list.locator(`[data-order=${id}]`)).toBeVisible();
});

withServer(pace)('a board while the database hangs', async ({ signIn, server }) => {
  const [customer, staff] = [await signIn(), await signIn('STAFF')];
  const open = staff.page;
  await open.goto('/board');
  await expect(open.getByText('No orders yet')).toBeVisible();
  const unfreeze = server.freezeDatabase();
  const late = await staff.openTab();
  await late.goto('/board');
  await expect(late.getByRole('alert').first()).toContainText('Nothing is lost: try again');
  await checkPage(late, 'a board without its database', 'html', Infinity); // failures replace the charts
  unfreeze();
  // The failed parts load by themselves.
  await expect(late.getByText('No orders yet')).toBeVisible();
  const id = await customer.order();
  /* oxlint-disable no-await-in-loop */
  for (const page of [late, open]) {
    await expect(page.locator(`tr[data-order=${id}]`)).toContainText('Confirmed');
    await expect(page.locator('[data-figure=CONFIRMED] dd')).toHaveText('1');
    await expect(page.getByRole('alert')).toHaveCount(0);
  }
  /* oxlint-enable no-await-in-loop */
});

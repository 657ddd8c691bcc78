import type { Locator, Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { checkPage } from './check-page';

// A console error, a warning or a request to another host on any of these pages fails the test: see fixtures.ts.

test('the sign-in is accessible', async ({ browser, server, contextOptions }) => {
  const context = await browser.newContext({ ...contextOptions, baseURL: server.url });
  const page = await context.newPage();
  await page.goto('/order');
  await expect(page.getByRole('heading', { name: 'Choose a user' })).toBeVisible();
  await checkPage(page, 'the sign-in');
  await context.close();
});

test('the products are accessible', async ({ shopper: { page } }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await checkPage(page, 'the products');
});

test('the draft order is accessible', async ({ shopper: { page } }) => {
  await page.goto('/?q=mug');
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await page.goto('/order/create');
  await expect(page.getByText('Total €18.00')).toBeVisible();
  await page.getByText('Simulated failures of the provider').click();
  await checkPage(page, 'the draft order');
  await page.getByRole('button', { name: 'One less of Stoneware mug' }).click();
  await expect(page.getByRole('heading', { name: 'Your order is empty' })).toBeVisible();
});

test.describe('an address with nothing to show says so, with a link onwards:', () => {
  test.use({ expectedErrors: /404/ });
  for (const [address, heading, way] of [
    ['/nowhere', 'Page not found', 'Browse products'],
    [`/order/order_${'0'.repeat(26)}`, 'Order not found', 'Your orders'],
    ['/order/rubbish', 'Order not found', 'Your orders'],
    ['/payment?order=rubbish', 'Order not found', 'Your orders'],
    ['/payment', 'No order selected', 'Your orders'],
    ['/order?status=CANCELLED', 'No orders with this status', 'Show all orders'],
    ['/?q=nothing-of-this-name', 'Nothing found for “nothing-of-this-name”', 'Show all products'],
  ] as const) {
    test(address, async ({ shopper: { page } }) => {
      await page.goto(address);
      await expect(page.getByRole('heading', { name: heading })).toBeVisible();
      await checkPage(page, address);
      await page.getByRole('main').getByText(way, { exact: true }).click();
      await expect(page.getByRole('heading', { name: heading })).toBeHidden();
    });
  }
});

test('a payment is accessible, and its layout does not shift', async ({ shopper: { page, order } }) => {
  const paid = await order('sim_approve', { product: 'oud', quantity: 999 }); // the longest amount
  await page.goto(`/payment?order=${paid}`);
  await expect(page.getByText('Delivered. Enjoy!')).toBeVisible();
  await checkPage(page, 'a payment');
  await page.goto('/order');
  await expect(page.getByRole('list', { name: 'Orders' }).getByRole('listitem')).toHaveCount(1);
  await checkPage(page, 'the orders');
});

/** Reloads the page once it shows `sign`: content that arrives during the check could shift the layout. */
async function reloaded(page: Page, sign: Locator) {
  await expect(sign).toBeVisible();
  await page.reload();
  await expect(sign).toBeVisible();
}

test('a payment that requires an action is accessible', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_requires_action')}`);
  await reloaded(page, page.getByRole('button', { name: 'Approve' }));
  await checkPage(page, 'a payment that requires an action');
});

test('an order and its confirmation dialog are accessible', async ({ shopper: { page, order } }) => {
  await page.goto(`/order/${await order('sim_decline')}`);
  await reloaded(page, page.getByRole('button', { name: 'Pay again' }));
  await checkPage(page, 'an order');
  await page.getByRole('button', { name: 'Cancel order' }).click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await checkPage(page, 'the confirmation of a cancellation', '[role=alertdialog]'); // the rest is hidden
  await page.keyboard.press('Escape');
  await expect(page.getByRole('alertdialog')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Cancel order' })).toBeFocused();
});

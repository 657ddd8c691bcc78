import type { Locator, Page } from '@playwright/test';
import { expect, test } from './fixtures';
import { look } from './look';

// A console error, a warning or a request elsewhere on any of these pages fails the test: fixtures.ts watches.

test('the sign-in can be read and used by everybody', async ({ browser, server, contextOptions }) => {
  const context = await browser.newContext({ ...contextOptions, baseURL: server.url });
  const page = await context.newPage();
  await page.goto('/order');
  await expect(page.getByRole('heading', { name: 'Who are you?' })).toBeVisible();
  await look(page, 'the sign-in');
  await context.close();
});

test('the shelf can be read and used by everybody', async ({ shopper: { page } }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await look(page, 'the products');
});

test('the order before it is one can be read and used by everybody', async ({ shopper: { page } }) => {
  await page.goto('/?q=mug');
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await page.goto('/order/create');
  await expect(page.getByText('Total €18.00')).toBeVisible();
  await page.getByText('When calls to the provider get lost').click();
  await look(page, 'the order before it is one');
  await page.getByRole('button', { name: 'One less of Stoneware mug' }).click();
  await expect(page.getByRole('heading', { name: 'Nothing chosen yet' })).toBeVisible();
});

test.describe('an address with nothing to show says so, with a way on:', () => {
  test.use({ expectedErrors: /404/ });
  for (const [address, heading, way] of [
    ['/nowhere', 'There is nothing here', 'Look at the products'],
    [`/order/order_${'0'.repeat(26)}`, 'There is no such order', 'Your orders'],
    ['/order/rubbish', 'There is no such order', 'Your orders'],
    ['/payment?order=rubbish', 'There is no such order', 'Your orders'],
    ['/payment', 'Which order?', 'Your orders'],
    ['/order?status=CANCELLED', 'No order is in this state', 'Show all orders'],
    ['/?q=nothing-of-this-name', 'Nothing found for “nothing-of-this-name”', 'Show all products'],
  ] as const) {
    test(address, async ({ shopper: { page } }) => {
      await page.goto(address);
      await expect(page.getByRole('heading', { name: heading })).toBeVisible();
      await look(page, address);
      await page.getByRole('main').getByText(way, { exact: true }).click();
      await expect(page.getByRole('heading', { name: heading })).toBeHidden();
    });
  }
});

test('a payment can be read and used by everybody, and nothing jumps', async ({ shopper: { page, order } }) => {
  const paid = await order('sim_approve', { product: 'oud', quantity: 999 }); // the longest amount there is room for
  await page.goto(`/payment?order=${paid}`);
  await expect(page.getByText('Delivered. Enjoy!')).toBeVisible();
  await look(page, 'a payment');
  await page.goto('/order');
  await expect(page.getByRole('list', { name: 'Orders' }).getByRole('listitem')).toHaveCount(1);
  await look(page, 'the orders');
});

/** Opens the page again once it has come to what it is looked at for: what arrives while somebody looks may move what is below. */
async function opened(page: Page, sign: Locator) {
  await expect(sign).toBeVisible();
  await page.reload();
  await expect(sign).toBeVisible();
}

test('a payment that waits can be read and used by everybody', async ({ shopper: { page, order } }) => {
  await page.goto(`/payment?order=${await order('sim_requires_action')}`);
  await opened(page, page.getByRole('button', { name: 'Approve' }));
  await look(page, 'a payment that waits');
});

test('an order and its questions can be read and used by everybody', async ({ shopper: { page, order } }) => {
  await page.goto(`/order/${await order('sim_decline')}`);
  await opened(page, page.getByRole('button', { name: 'Pay again' }));
  await look(page, 'an order');
  await page.getByRole('button', { name: 'Cancel order' }).click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await look(page, 'the question before a cancel', '[role=alertdialog]'); // the rest is hidden meanwhile
  await page.keyboard.press('Escape');
  await expect(page.getByRole('alertdialog')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Cancel order' })).toBeFocused();
});

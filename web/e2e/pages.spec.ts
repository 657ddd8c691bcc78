import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';

// A console error, a warning or a request elsewhere on any of these pages fails the test: fixtures.ts watches.

/** The most that a page's content may jump while it loads and changes: https://web.dev/articles/cls calls it good. */
const steady = 0.1;

/** Looks at what a page, or a part of it, shows now: nothing that axe objects to, in light and dark, and nothing that jumped. */
async function look(page: Page, name: string, part = 'html'): Promise<void> {
  const light = await new AxeBuilder({ page }).include(part).analyze();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await new AxeBuilder({ page }).include(part).withRules(['color-contrast']).analyze();
  await page.emulateMedia({ colorScheme: 'light' });
  const found = [...light.violations, ...dark.violations].map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  expect(found, `what axe finds on ${name}`).toEqual([]);
  const jumped = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        new PerformanceObserver((list) => {
          const shifts = list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[];
          resolve(shifts.filter(({ hadRecentInput }) => !hadRecentInput).reduce((sum, { value }) => sum + value, 0));
        }).observe({ type: 'layout-shift', buffered: true });
        // Without any shift the observer is never called.
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(0)));
      }),
  );
  expect(jumped, `layout shift of ${name}`).toBeLessThan(steady);
}

test('the shop can be read and used by everybody, and nothing jumps', async ({ browser, server, contextOptions, shopper: { page } }) => {
  const anonymous = await browser.newContext({ ...contextOptions, baseURL: server.url });
  const visitor = await anonymous.newPage();
  await visitor.goto('/order');
  await expect(visitor.getByRole('heading', { name: 'Who are you?' })).toBeVisible();
  await look(visitor, 'the sign-in');
  await anonymous.close();

  await page.goto('/?q=nothing-of-this-name');
  await expect(page.getByText('Nothing found')).toBeVisible();
  await look(page, 'an empty shelf');
  await page.goto('/');
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await look(page, 'the products');
  await page.goto('/order/create');
  await expect(page.getByText('Total €18.00')).toBeVisible();
  await look(page, 'the order before it is one');
});

test('an order’s pages can be read and used by everybody, and nothing jumps', async ({ shopper: { page, order } }) => {
  const paid = await order();
  const declined = await order('sim_decline');
  const waiting = await order('sim_requires_action');
  await page.goto(`/payment?order=${paid}`);
  await expect(page.getByText('Delivered. Enjoy!')).toBeVisible();
  await look(page, 'a payment');
  await page.goto(`/payment?order=${waiting}`);
  await expect(page.getByRole('button', { name: 'Approve' })).toBeVisible();
  await look(page, 'a payment that waits');
  await page.goto('/order');
  await expect(page.getByRole('list', { name: 'Orders' }).getByRole('listitem')).toHaveCount(3);
  await look(page, 'the orders');
  await page.goto(`/order/${declined}`);
  await expect(page.getByRole('button', { name: 'Pay again' })).toBeVisible();
  await look(page, 'an order');
  await page.getByRole('button', { name: 'Cancel order' }).click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await look(page, 'the question before a cancel', '[role=alertdialog]'); // the rest is hidden meanwhile
  await page.keyboard.press('Escape');
  await expect(page.getByRole('alertdialog')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Cancel order' })).toBeFocused();
});

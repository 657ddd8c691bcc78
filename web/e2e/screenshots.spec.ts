import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { animate, type Frame } from './apng';
import { expect, test, withServer } from './fixtures';

const image = (name: string) => fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));

/** Orders two products as Ada. */
async function buy(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByLabel('Signed in as').selectOption('ada');
  await page.getByRole('button', { name: 'Add Highland coffee beans, 250 g' }).click();
  await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
  await page.getByRole('button', { name: 'One more of Stoneware mug' }).click();
  await page.getByRole('link', { name: 'Review order' }).click();
  await page.getByRole('button', { name: 'Order and pay' }).click();
}

test.describe('a paid order', () => {
  test.use({ pace: 'undelivered', viewport: { width: 1120, height: 560 } });

  test('the live payment page', async ({ browser, server }) => {
    const page = await browser.newPage({ baseURL: server.url });
    await buy(page);
    await expect(page.getByText('Your order is on its way')).toBeVisible();
    await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    await page.screenshot({ path: image('payment'), animations: 'disabled' });
    await page.close();
  });
});

test.describe('an order from its start', () => {
  test.use({ pace: 'filmed', viewport: { width: 880, height: 420 }, deviceScaleFactor: 1 });

  test('the progress of a payment', async ({ browser, server, contextOptions }) => {
    const page = await browser.newPage({ ...contextOptions, baseURL: server.url });
    await buy(page);
    const frames: Frame[] = [];
    for (const [step, state] of [['initializing', 'current'], ['processing', 'current'], ['delivered', 'current'], ['delivered', 'done']] as const) {
      await page.locator(`[data-step=${step}][data-state=${state}]`).waitFor(); // oxlint-disable-line no-await-in-loop -- one after the other
      const png = await page.screenshot({ animations: 'disabled' }); // oxlint-disable-line no-await-in-loop
      frames.push({ png, milliseconds: state === 'done' ? 3000 : 1500 });
    }
    writeFileSync(image('order'), animate(frames));
    await page.close();
  });
});

// A server of its own, so that the figures count only this test's orders.
const withOwnServer = withServer({ payment: '100ms', delivery: '1h' });

withOwnServer.describe('the staff board', () => {
  withOwnServer.use({ colorScheme: 'light', viewport: { width: 1120, height: 860 } });

  withOwnServer('while orders come in', async ({ signIn }) => {
    const [ada, grace, staff] = [await signIn(), await signIn(), await signIn('STAFF')];
    const { page } = staff;
    await page.goto('/board');
    await page.getByLabel('Signed in as').selectOption('staff');
    await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    const tokens = ['sim_approve', 'sim_approve', 'sim_decline', 'sim_approve', 'sim_requires_action', 'sim_approve'];
    for (const token of tokens) await Promise.all([ada.order(token), grace.order('sim_approve')]); // oxlint-disable-line no-await-in-loop
    await expect(page.locator('[data-figure=CONFIRMED] dd')).toHaveText('10');
    const deliver = page.getByRole('button', { name: 'Deliver now' });
    for (const left of [9, 8, 7]) {
      await deliver.nth(2).click(); // oxlint-disable-line no-await-in-loop -- one after the other
      await expect(deliver).toHaveCount(left); // oxlint-disable-line no-await-in-loop
    }
    await page.reload(); // figures as the server counts them, with percentiles
    await expect(page.locator('[data-figure=DELIVERED] dd')).toHaveText('3');
    await expect(page.locator('.chart canvas')).toHaveCount(2);
    await page.mouse.move(0, 0);
    await page.screenshot({ path: image('board'), animations: 'disabled' });
  });
});

import { expect, test, type Shopper } from './fixtures';

/** Opens a page, waits until it is live and shows `ready`, lets ten minutes pass on its clock, and gives what it asked for meanwhile. */
async function askedInTenMinutes({ page }: Shopper, address: string, ready: string): Promise<string[]> {
  await page.goto(address);
  await expect(page.getByRole('main').getByText(ready).first()).toBeVisible();
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await page.waitForLoadState('networkidle');
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.resourceType() === 'fetch') asked.push(`${request.url()} ${request.postData() ?? ''}`);
  });
  await page.clock.fastForward('10:00');
  // What a timer has asked for was asked by now.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  await page.waitForLoadState('networkidle');
  return asked;
}

test('no page of the shop asks again by itself', async ({ shopper }) => {
  await shopper.page.clock.install();
  const delivered = await shopper.order();
  const waiting = await shopper.order('sim_requires_action');
  for (const [address, ready] of [
    ['/', 'Stoneware mug'],
    ['/order', '1 × Stoneware mug'],
    [`/order/${delivered}`, 'Order delivered'],
    [`/payment?order=${waiting}`, 'Your payment needs you'],
  ] as const) {
    expect(await askedInTenMinutes(shopper, address, ready), address).toEqual([]); // oxlint-disable-line no-await-in-loop -- one after the other
  }
});

test('nor does the board', async ({ signIn }) => {
  const staff = await signIn('STAFF');
  await staff.page.clock.install();
  expect(await askedInTenMinutes(staff, '/board', 'Throughput')).toEqual([]);
});

import { expect, test, type Shopper } from './fixtures';

/** Opens a page, waits until it is live and shows `ready`, lets ten minutes pass on its clock, and returns the requests it made meanwhile. */
async function requestsInTenMinutes({ page }: Shopper, address: string, ready: string): Promise<string[]> {
  await page.goto(address);
  await expect(page.getByRole('main').getByText(ready).first()).toBeVisible();
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await page.waitForLoadState('networkidle');
  const requests: string[] = [];
  page.on('request', (request) => {
    if (request.resourceType() === 'fetch') requests.push(`${request.url()} ${request.postData() ?? ''}`);
  });
  await page.clock.fastForward('10:00');
  // Requests of timers have been sent by now.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  await page.waitForLoadState('networkidle');
  return requests;
}

test('no page of the shop polls', async ({ shopper }) => {
  await shopper.page.clock.install();
  const delivered = await shopper.order();
  const waiting = await shopper.order('sim_requires_action');
  for (const [address, ready] of [
    ['/', 'Stoneware mug'],
    ['/order', '1 × Stoneware mug'],
    [`/order/${delivered}`, 'Order delivered'],
    [`/payment?order=${waiting}`, 'Confirm your payment'],
  ] as const) {
    expect(await requestsInTenMinutes(shopper, address, ready), address).toEqual([]); // oxlint-disable-line no-await-in-loop -- one after the other
  }
});

test('the board does not poll', async ({ signIn }) => {
  const staff = await signIn('STAFF');
  await staff.page.clock.install();
  expect(await requestsInTenMinutes(staff, '/board', 'Throughput')).toEqual([]);
});

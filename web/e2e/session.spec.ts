import { expect, test } from './fixtures';

test('a token is renewed over the open socket before it expires', async ({ shopper: { page, context, order } }) => {
  // Move the page's clock to the time of a renewal. Nothing expires however slow the machine is: each token outlives its predecessor.
  await page.clock.install();
  let tokens = 0;
  await context.route('/dev/token', (route) => route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), ttlSeconds: 600 + 600 * tokens++ }) }));
  const refreshed: string[] = [];
  let sockets = 0;
  page.on('websocket', (socket) => {
    sockets++;
    socket.on('framereceived', ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type: string; payload?: { expiresAt?: string } };
      if (message.type === 'pong' && message.payload?.expiresAt) refreshed.push(message.payload.expiresAt);
    });
  });
  await page.goto('/order');
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await page.clock.fastForward(3_600_000);
  await expect.poll(() => refreshed.length, 'a token that is due is renewed').toBe(1);
  await page.clock.fastForward(600_000);
  await expect.poll(() => refreshed.length, 'and its successor too').toBe(2);
  expect(Date.parse(refreshed[1]!)).toBeGreaterThan(Date.parse(refreshed[0]!));
  const id = await order();
  await expect(page.locator(`[data-order=${id}]`)).toContainText('Delivered');
  expect(sockets, 'the socket was never replaced').toBe(1);
});

test.describe('with a token the server does not know', () => {
  test.use({ expectedErrors: /401|403/ });

  test('a new one is fetched, for HTTP and for the socket', async ({ shopper: { page } }) => {
    await page.addInitScript(() => {
      if (location.protocol === 'about:') return;
      sessionStorage.setItem('orderwire.session', JSON.stringify({ user: 'ada', role: 'CUSTOMER', token: 'unknown', renewAt: Date.now() + 3_600_000 }));
    });
    await page.goto('/order');
    await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    await expect(page.getByRole('button', { name: 'Delivered' })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('and if that is refused, the user is asked to sign in', async ({ shopper: { page, context } }) => {
    await context.route('/dev/token', (route) => route.fulfill({ status: 403, body: '{}' }));
    await page.addInitScript(() => {
      if (location.protocol === 'about:' || sessionStorage.getItem('told')) return;
      sessionStorage.setItem('told', 'yes');
      sessionStorage.setItem('orderwire.session', JSON.stringify({ user: 'ada', role: 'CUSTOMER', token: 'unknown', renewAt: Date.now() + 3_600_000 }));
    });
    await page.goto('/order');
    await expect(page.getByRole('heading', { name: 'Choose a user' })).toBeVisible();
    await expect(page.getByText('Your sign-in has expired.')).toBeVisible();
  });
});

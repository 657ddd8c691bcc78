import { expect, test } from './fixtures';

test('a token is renewed over the open socket before it expires', async ({ shopper: { page, context, order } }) => {
  // Tokens that live seconds, so that the renewals come while the test looks.
  await context.route('/dev/token', (route) => route.continue({ postData: JSON.stringify({ ...route.request().postDataJSON(), ttlSeconds: 5 }) }));
  const refreshed: string[] = [];
  let sockets = 0;
  page.on('websocket', (socket) => {
    sockets++;
    socket.on('framereceived', ({ payload }) => {
      const message = JSON.parse(String(payload)) as { type: string; payload?: { expiresAt?: string } };
      if (message.type === 'pong' && message.payload?.expiresAt) refreshed.push(message.payload.expiresAt);
    });
  });
  await page.addInitScript(() => {
    if (location.protocol === 'about:') return;
    const session = JSON.parse(sessionStorage.getItem('orderwire.session') ?? 'null') as object | null;
    if (session) sessionStorage.setItem('orderwire.session', JSON.stringify({ ...session, renewAt: 0 }));
  });
  await page.goto('/order');
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await expect.poll(() => refreshed.length, { message: 'renewals, each of which outlives the token before', timeout: 20_000 }).toBeGreaterThan(1);
  expect(Date.parse(refreshed[1]!)).toBeGreaterThan(Date.parse(refreshed[0]!));
  const id = await order();
  await expect(page.locator(`[data-order=${id}]`)).toContainText('Delivered');
  expect(sockets, 'the socket was never replaced').toBe(1);
});

test.describe('with a token the server does not know', () => {
  test.use({ expectedErrors: /401|403/ });

  test('another one is fetched, for HTTP and for the socket', async ({ shopper: { page } }) => {
    await page.addInitScript(() => {
      if (location.protocol === 'about:') return;
      sessionStorage.setItem('orderwire.session', JSON.stringify({ user: 'ada', role: 'CUSTOMER', token: 'unknown', renewAt: Date.now() + 3_600_000 }));
    });
    await page.goto('/order');
    await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    await expect(page.getByRole('button', { name: 'Delivered' })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('and when there is none to be had, the person is asked to sign in', async ({ shopper: { page, context } }) => {
    await context.route('/dev/token', (route) => route.fulfill({ status: 403, body: '{}' }));
    await page.addInitScript(() => {
      if (location.protocol === 'about:' || sessionStorage.getItem('told')) return;
      sessionStorage.setItem('told', 'yes');
      sessionStorage.setItem('orderwire.session', JSON.stringify({ user: 'ada', role: 'CUSTOMER', token: 'unknown', renewAt: Date.now() + 3_600_000 }));
    });
    await page.goto('/order');
    await expect(page.getByRole('heading', { name: 'Who are you?' })).toBeVisible();
    await expect(page.getByText('Your sign-in has expired.')).toBeVisible();
  });
});

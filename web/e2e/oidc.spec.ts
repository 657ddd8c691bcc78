import { expect, startTimeout, test as base } from './fixtures';
import { Issuer } from './issuer';
import { Server } from './server';

const test = base.extend<{ issuer: Issuer; shop: Server }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads a fixture's needs from this pattern
  issuer: async ({}, provide) => {
    const issuer = await Issuer.start();
    await provide(issuer);
    await issuer.stop();
  },
  shop: [
    async ({ issuer }, provide) => {
      const shop = await Server.start(
        { payment: '100ms', delivery: '100ms' },
        { AUTH_MODE: 'oidc', OIDC_ISSUER: issuer.url, OIDC_CLIENT_ID: issuer.clientId },
      );
      await provide(shop);
      await shop.stop();
    },
    { scope: 'test', timeout: startTimeout },
  ],
});

test('a user signs in at the issuer, returns to the page, and is renewed over the open socket', async ({ browser, contextOptions, issuer, shop }) => {
  const context = await browser.newContext({ ...contextOptions, baseURL: shop.url });
  const problems: string[] = [];
  context.on('console', (message) => void (['error', 'warning'].includes(message.type()) && problems.push(message.text())));
  const page = await context.newPage();
  await page.clock.install();
  let sockets = 0;
  const pongs: string[] = [];
  page.on('websocket', (socket) => {
    sockets++;
    socket.on('framereceived', ({ payload }) => String(payload).includes('expiresAt') && String(payload).includes('"pong"') && pongs.push(String(payload)));
  });

  await page.goto('/order?status=DELIVERED');
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'ada' }).click();
  await expect(page).toHaveURL(`${shop.url}/order?status=DELIVERED`);
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await expect(page.getByText('ada')).toBeVisible();
  // Move the page's clock to the time of a renewal. Nothing expires however slow the machine is.
  await page.clock.fastForward(issuer.lifetime * 900);
  await expect.poll(() => pongs.length, { message: 'the socket continues with newer tokens' }).toBeGreaterThan(0);
  expect(sockets, 'the socket was never replaced').toBe(1);
  expect(issuer.granted.slice(0, 2)).toEqual(['authorization_code', 'refresh_token']);

  await page.reload();
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  expect(problems).toEqual([]);
  await context.close();
});

test('an authorization response without a request signs nobody in', async ({ browser, contextOptions, issuer, shop }) => {
  const context = await browser.newContext({ ...contextOptions, baseURL: shop.url });
  const page = await context.newPage();
  await page.goto('/order');
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'ada' }).waitFor();
  await page.goto('/?code=stolen&state=another');
  await expect(page.getByRole('button', { name: 'Sign in' }).first()).toBeVisible();
  await expect(page).toHaveURL(`${shop.url}/order`);
  await expect(page.getByText('The issuer did not sign you in.')).toBeVisible();
  expect(issuer.granted).toEqual([]);
  await context.close();
});

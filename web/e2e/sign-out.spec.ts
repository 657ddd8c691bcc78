import type { Page } from '@playwright/test';
import { expect, startTimeout, test as base } from './fixtures';
import { CertifiedIssuer } from './certified-issuer';
import { Server } from './server';

const test = base.extend<{ issuer: CertifiedIssuer; shop: Server }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads a fixture's needs from this pattern
  issuer: async ({}, provide) => {
    const issuer = await CertifiedIssuer.start();
    await provide(issuer);
    await issuer.stop();
  },
  shop: [
    async ({ issuer }, provide) => {
      const shop = await Server.start({ payment: '100ms', delivery: '100ms' }, { AUTH_MODE: 'oidc', OIDC_ISSUER: issuer.url, OIDC_CLIENT_ID: 'shop' });
      issuer.register(shop.url);
      await provide(shop);
      await shop.stop();
    },
    { scope: 'test', timeout: startTimeout },
  ],
});

interface Kept {
  token: string;
  refreshToken: string;
}

async function signIn(page: Page): Promise<Kept> {
  await page.goto('/order');
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await page.getByPlaceholder('Enter any login').fill('ada');
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  return JSON.parse((await page.evaluate(() => sessionStorage.getItem('orderwire.session'))) ?? '') as Kept;
}

const viewer = (shop: Server, token: string) =>
  fetch(`${shop.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: '{"query":"{ viewer { id } }"}',
  }).then(({ status }) => status);

const redeem = (issuer: CertifiedIssuer, refreshToken: string) =>
  fetch(`${issuer.url}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'shop' }),
  }).then(({ status }) => status);

test('signing out ends the tokens, the refresh token and the issuer’s session, in all tabs', async ({ browser, contextOptions, issuer, shop }) => {
  const context = await browser.newContext({ ...contextOptions, baseURL: shop.url });
  const page = await context.newPage();
  const kept = await signIn(page);
  expect(await viewer(shop, kept.token)).toBe(200);

  // A second tab with tokens of its own. The issuer knows the user and asks only for consent.
  const tab = await context.newPage();
  await tab.goto('/order');
  await tab.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await tab.getByRole('button', { name: 'Continue' }).click();
  await expect(tab.getByRole('status', { name: 'Connection' })).toHaveText('Live');
  const other = JSON.parse((await tab.evaluate(() => sessionStorage.getItem('orderwire.session'))) ?? '') as Kept;

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Yes, sign me out' }).click();
  await expect(page).toHaveURL(`${shop.url}/`);
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  expect(issuer.ended, 'sessions of the issuer').toBe(1);
  expect(issuer.revoked, 'revocations').toBeGreaterThan(0);
  await expect(tab.getByText('You have signed out in another tab.')).toBeVisible();
  for (const { token, refreshToken } of [kept, other]) {
    expect(await viewer(shop, token), 'a copied token').toBe(401); // oxlint-disable-line no-await-in-loop
    await expect.poll(() => redeem(issuer, refreshToken), { message: 'a copied refresh token' }).toBe(400); // oxlint-disable-line no-await-in-loop
  }
  // The next sign-in needs a password again.
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByPlaceholder('Enter any login')).toBeVisible();
  await context.close();
});

test('signing out says so when neither the server nor the issuer can be told', async ({ browser, contextOptions, issuer, shop }) => {
  const context = await browser.newContext({ ...contextOptions, baseURL: shop.url });
  const page = await context.newPage();
  await signIn(page);
  issuer.away = true;
  await page.route('**/graphql', (route) => (route.request().postData()?.includes('viewerSignOut') ? route.abort() : route.continue()));
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('the server could not be told');
  await expect(alert).toContainText('sign out there too');
  expect(await page.evaluate(() => sessionStorage.getItem('orderwire.session'))).toBeNull();
  await context.close();
});

import { declined, delivered, expect, stepStates, test, timeline } from './fixtures';

test.describe('at a pace that shows each step on a busy machine too', () => {
  test.use({ pace: 'filmed' });

  test('a customer orders and sees every step, without reload and without polling', async ({ shopper: { page, posts } }) => {
    await page.goto('/');
    await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Live');
    // A search replaces the list, so wait for the new one before a click.
    const found = page.getByRole('list', { name: 'Products' }).getByRole('listitem');
    await page.getByRole('searchbox', { name: 'Search products' }).fill('mug');
    await expect(found).toHaveCount(1);
    await page.getByRole('button', { name: 'Add Stoneware mug' }).click();
    await page.getByRole('button', { name: 'One more of Stoneware mug' }).click();
    await page.getByRole('searchbox', { name: 'Search products' }).fill('filters');
    await expect(found.getByRole('button', { name: 'Add Paper filters, 40' })).toBeVisible();
    await expect(found).toHaveCount(1);
    await page.getByRole('button', { name: 'Add Paper filters, 40' }).click();
    await page.getByRole('link', { name: 'Review order' }).click();
    await expect(page.getByText('Total €40.20')).toBeVisible();

    // Record every step that is ever in progress, however short.
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(window, { seen });
      new MutationObserver(() => {
        const step = document.querySelector<HTMLElement>('[data-step][data-state="current"]')?.dataset['step'];
        if (step && step !== seen.at(-1)) seen.push(step);
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    await page.getByRole('radio', { name: 'Card that is approved' }).check();
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await expect(page).toHaveURL(/\/payment\?order=order_/);
    await expect.poll(() => stepStates(page)).toEqual(delivered);
    // A busy machine may open the page late. From then on no step may be missing.
    const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(['initializing', 'processing', 'delivered'].slice(-seen.length));
    await expect(page.getByText('Delivered. Enjoy!')).toBeVisible();

    const names = posts.map((body) => (JSON.parse(body) as { operationName: string }).operationName);
    const since = names.slice(names.indexOf('OrderCreate'));
    expect(since, 'the order is created, its page loaded once, and the rest is pushed').toEqual(['OrderCreate', 'Order']);
  });
});

test('a customer pays again after a decline', async ({ shopper: { page, order } }) => {
  const id = await order('sim_decline');
  await page.goto(`/payment?order=${id}`);
  await expect.poll(() => stepStates(page)).toEqual(declined);
  await expect(page.getByText('Declined', { exact: false }).first()).toBeVisible();
  await page.getByRole('radio', { name: 'Card that is approved' }).check();
  await page.getByRole('button', { name: 'Pay again' }).click();
  await expect.poll(() => stepStates(page)).toEqual(delivered);
  await page.goto(`/order/${id}`);
  await expect
    .poll(() => timeline(page))
    .toEqual(['ORDER_CREATED', 'PAYMENT_PROCESSING', 'PAYMENT_DECLINED', 'PAYMENT_RETRIED', 'PAYMENT_PROCESSING', 'PAYMENT_CONFIRMED', 'ORDER_DELIVERED']);
});

test('the draft survives a reload and is ordered once', async ({ shopper: { page, send } }) => {
  await page.goto('/?q=kettle');
  await page.getByRole('button', { name: 'Add Gooseneck kettle' }).click();
  await page.goto('/order/create');
  await page.reload();
  await expect(page.getByText('Total €74.00')).toBeVisible();
  await page.getByRole('button', { name: 'Order and pay' }).click();
  await expect(page).toHaveURL(/\/payment\?order=order_/);
  await page.goto('/order/create');
  await expect(page.getByRole('heading', { name: 'Your order is empty' })).toBeVisible();
  const { orders } = await send<{ orders: { nodes: unknown[] } }>('{ orders { nodes { id } } }');
  expect(orders.nodes).toHaveLength(1);
});

test.describe('while the payment is in progress', () => {
  test.use({ pace: 'slow' });

  test('a customer cancels and sees the progress', async ({ shopper: { page, order } }) => {
    await page.goto(`/order/${await order()}`);
    await page.getByRole('button', { name: 'Cancel order' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Yes, cancel it' }).click();
    await expect(page.getByRole('listitem').filter({ hasText: 'Order cancelled' })).toBeVisible();
    expect((await timeline(page)).slice(0, 2)).toEqual(['ORDER_CREATED', 'ORDER_CANCELLING']);
    await expect(page.getByRole('button', { name: 'Cancel order' })).toBeHidden();
  });
});

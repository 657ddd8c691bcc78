import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** The largest layout shift that https://web.dev/articles/cls calls good. */
const goodShift = 0.1;

/**
 * Checks a page, or a part of it, as it is now: accessibility by axe, in light and dark and with the size of touch targets; no
 * content wider than its container; and a layout shift below `maxShift`.
 */
export async function checkPage(page: Page, name: string, part = 'html', maxShift = goodShift): Promise<void> {
  const light = await new AxeBuilder({ page }).include(part).options({ rules: { 'target-size': { enabled: true } } }).analyze();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await new AxeBuilder({ page }).include(part).withRules(['color-contrast']).analyze();
  await page.emulateMedia({ colorScheme: 'light' });
  const found = [...light.violations, ...dark.violations].map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  expect(found, `axe violations on ${name}`).toEqual([]);
  expect(await page.evaluate(tooWide, part), `content that is too wide on ${name}`).toEqual([]);
  expect(await page.evaluate(layoutShift), `layout shift of ${name}`).toBeLessThan(maxShift);
}

/** Elements whose content overflows them, and elements beyond the window's edge. Runs in the page. */
function tooWide(part: string): string[] {
  const room = document.documentElement.clientWidth + 1;
  const scrolled = (element: Element) => element.closest('.monaco-editor') || ['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX);
  const faults: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>(`${part} *`)) {
    if (!element.checkVisibility() || element.matches('.visually-hidden, .skip')) continue;
    const inside = element.parentElement?.closest('.board, .views') ?? null;
    const outside = !inside && element.getBoundingClientRect().right > room;
    const overflows = element.matches('.card, .tile, .badge, button, .button, [role=dialog], [role=alertdialog]') && !scrolled(element) && element.scrollWidth > element.clientWidth + 1;
    if (outside || overflows) faults.push(`${element.tagName.toLowerCase()}.${element.className}: ${element.textContent.slice(0, 60)}`);
  }
  return faults;
}

/** The layout shift since the page was opened. Runs in the page. */
function layoutShift(): Promise<number> {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const shifts = list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[];
      resolve(shifts.filter(({ hadRecentInput }) => !hadRecentInput).reduce((sum, { value }) => sum + value, 0));
    }).observe({ type: 'layout-shift', buffered: true });
    // Without any shift the observer is never called.
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(0)));
  });
}

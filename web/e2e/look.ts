import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** The most that a page's content may jump while it loads and changes: https://web.dev/articles/cls calls it good. */
const steady = 0.1;

/**
 * Looks at what a page, or a part of it, shows now: nothing that axe objects to, in light and dark and for fingers, nothing
 * that is wider than its place, and nothing that jumped by more than `jump`.
 */
export async function look(page: Page, name: string, part = 'html', jump = steady): Promise<void> {
  const light = await new AxeBuilder({ page }).include(part).options({ rules: { 'target-size': { enabled: true } } }).analyze();
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await new AxeBuilder({ page }).include(part).withRules(['color-contrast']).analyze();
  await page.emulateMedia({ colorScheme: 'light' });
  const found = [...light.violations, ...dark.violations].map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
  expect(found, `what axe finds on ${name}`).toEqual([]);
  expect(await page.evaluate(tooWide, part), `what is too wide on ${name}`).toEqual([]);
  expect(await page.evaluate(jumped), `layout shift of ${name}`).toBeLessThan(jump);
}

/** The boxes whose content sticks out of them, and what reaches beyond the window without being scrolled to. Runs in the page. */
function tooWide(part: string): string[] {
  const room = document.documentElement.clientWidth + 1;
  const scrolled = (element: Element) => element.closest('.monaco-editor') || ['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX);
  const faults: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>(`${part} *`)) {
    if (!element.checkVisibility() || element.matches('.visually-hidden, .skip')) continue;
    const inside = element.parentElement?.closest('.board, .views') ?? null;
    const beyond = !inside && element.getBoundingClientRect().right > room;
    const bursts = element.matches('.card, .tile, .badge, button, .button, [role=dialog], [role=alertdialog]') && !scrolled(element) && element.scrollWidth > element.clientWidth + 1;
    if (beyond || bursts) faults.push(`${element.tagName.toLowerCase()}.${element.className}: ${element.textContent.slice(0, 60)}`);
  }
  return faults;
}

/** How much has jumped since the page was opened. Runs in the page. */
function jumped(): Promise<number> {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const shifts = list.getEntries() as unknown as { value: number; hadRecentInput: boolean }[];
      resolve(shifts.filter(({ hadRecentInput }) => !hadRecentInput).reduce((sum, { value }) => sum + value, 0));
    }).observe({ type: 'layout-shift', buffered: true });
    // Without any shift the observer is never called.
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(0)));
  });
}

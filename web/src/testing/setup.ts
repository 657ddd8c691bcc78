import { configure } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';

// Tests wait long enough for a busy machine; only something that never happens fails.
configure({ asyncUtilTimeout: 120_000 });

// The cache only warns of an answer without a field that was selected, and the page then waits for that field for ever.
const gaps: string[] = [];
beforeEach(() => {
  gaps.length = 0;
  const warn = console.warn;
  vi.spyOn(console, 'warn').mockImplementation((...texts: unknown[]) => {
    if (String(texts[0]).startsWith('Invalid undefined')) gaps.push(String(texts[0]));
    else warn(...texts);
  });
});
afterEach(() => {
  if (gaps.length > 0) throw new Error(`made-up answers lack fields: ${gaps.join('; ')}`);
});

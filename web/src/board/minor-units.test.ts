import { expect, it } from 'vitest';
import { minorUnits } from './minor-units';

it('parses typed amounts and refuses everything else', () => {
  expect(minorUnits('12.5', 2)).toBe(1250n);
  expect(minorUnits(' 12,50 ', 2)).toBe(1250n);
  expect(minorUnits('1230', 0)).toBe(1230n);
  expect(minorUnits('1.234', 3)).toBe(1234n);
  expect(minorUnits('0.29', 2)).toBe(29n); // 28.999… as a float
  for (const wrong of ['', '.', '1.', '-1', '1e3', '1,000.00', '12.345', 'ten']) expect([wrong, minorUnits(wrong, 2)]).toEqual([wrong, null]);
  expect(minorUnits('1.0', 0)).toBeNull();
});

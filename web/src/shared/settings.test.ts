import { describe, expect, it } from 'vitest';
import { defaultSettings, methodOr, readSettings } from './settings';

const methods = [
  { token: 'first', label: 'First', hint: '' },
  { token: 'second', label: 'Second', hint: '' },
];

describe('methodOr', () => {
  it('falls back to the first when the chosen one is not offered here', () => {
    expect(methodOr(methods, 'second')?.token).toBe('second');
    expect(methodOr(methods, 'another')?.token).toBe('first');
    expect(methodOr([], 'first')).toBeUndefined();
  });
});

describe('readSettings', () => {
  const page = (content: string) => {
    const made = document.implementation.createHTMLDocument();
    made.head.innerHTML = '<meta name="orderwire" content="" />';
    made.querySelector('meta')!.content = content;
    return made;
  };

  it('takes what the server says, and offers nothing where it offers nothing', () => {
    expect(readSettings(page(JSON.stringify({ payments: 'p', testMoney: false, methods: [] })))).toMatchObject({ payments: 'p', testMoney: false, methods: [] });
  });

  it('takes its defaults where no server has filled the page in', () => {
    expect(readSettings(page(''))).toEqual(defaultSettings);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cellPairs, unchanged } from '../compare/cells';
import { ICode } from '../run/wire';

const code = (...sources: string[]): ICode => ({
  text: '',
  cells: sources.map(source => ({ cell_type: 'code', source }))
});

test('cells that differ stand in the order of reading, with what they say', () => {
  const [before, after] = [code('a', 'b', 'c'), code('a', 'c2', 'd')];
  const pairs = cellPairs(
    [
      { what: 'removed', type: 'code', a: 2, b: null },
      { what: 'outputs', type: 'code', a: 1, b: 1 },
      { what: 'changed', type: 'code', a: 3, b: 2 },
      { what: 'added', type: 'code', a: null, b: 3 }
    ],
    before,
    after
  );
  assert.deepEqual(
    pairs?.map(({ what, before, after }) => [what, before, after]),
    [
      ['removed', 'b', null],
      ['changed', 'c', 'c2'],
      ['added', null, 'd']
    ]
  );
  assert.equal(unchanged(pairs ?? [], after), 1);
});

test('where one run kept no notebook there are no cells to compare', () => {
  assert.equal(cellPairs([], { text: 'x', cells: null }, code('x')), null);
});

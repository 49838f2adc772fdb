import assert from 'node:assert/strict';
import { test } from 'node:test';

import { codeOf, isChanged, metricsOf } from '../notebook/change';
import { ICellRun } from '../notebook/api';

test('the line of %%track is no code', () => {
  assert.equal(codeOf('%%track fit -p lr=0.1\nfit()\n'), 'fit()\n');
  assert.equal(codeOf('\n\t%%track\nfit()'), 'fit()');
  assert.equal(codeOf('%%track\tfit\nfit()'), 'fit()');
  assert.equal(codeOf('%%tracker\nfit()'), '%%tracker\nfit()');
  assert.equal(codeOf('fit()'), 'fit()');
  assert.equal(codeOf('%%track'), '');
});

test('a cell has changed where its code has', () => {
  assert.equal(isChanged('%%track a\nfit()', 'fit()\n'), false);
  assert.equal(isChanged('%%track b\nfit(1)', 'fit()'), true);
  assert.equal(isChanged('fit()', '%%track\nfit()'), false);
});

test('of code that a secret was taken out of nothing is said', () => {
  assert.equal(isChanged('key = "k"', 'key = "<redacted:1234abcd>"'), false);
});

test('a metric is told with its difference from the run before', () => {
  const run = { metrics: { acc: 0.875, loss: 'NaN', new: 1 } } as unknown as ICellRun;
  const before = { metrics: { acc: 0.75, loss: 1 } } as unknown as ICellRun;
  assert.deepEqual(metricsOf({ run, before }), [
    { name: 'acc', value: 0.875, difference: 0.125 },
    { name: 'loss', value: NaN, difference: null },
    { name: 'new', value: 1, difference: null }
  ]);
  assert.equal(metricsOf({ run, before: null })[0]?.difference, null);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axisOf, shortName } from '../compare/axes';
import { chosen, inColours, lineOf, placesOf, shadeOf } from '../compare/draw';
import { CompareModel } from '../compare/model';
import { markDifference } from '../compare/pixels';
import { colourOf, difference, labelsOf, rowsOf } from '../compare/table';
import { countText } from '../compare/words';
import { IRun, Problem } from '../wire';
import { trans } from './trans';

const run = (id: string, params: object, metrics: object): IRun =>
  ({ id, params, metrics }) as IRun;

test('a row differs where one run has another value, or none', () => {
  const rows = rowsOf(
    [run('a', { lr: 0.1, seed: 1 }, {}), run('b', { lr: 0.2, seed: 1, new: 3 }, {})],
    'params'
  );
  assert.deepEqual(
    rows.map(({ name, differs }) => [name, differs]),
    [
      ['lr', true],
      ['seed', false],
      ['new', true]
    ]
  );
});

test('a difference is of numbers alone, and nothing where there is none', () => {
  assert.equal(difference(3, 1), 2);
  assert.equal(difference(1, 1), null);
  assert.equal(difference('adam', 1), null);
  assert.equal(difference('NaN', 1), null);
  assert.equal(difference(true, 0), null);
});

test('ten runs have ten colours, and fifty have some', () => {
  const all = Array.from({ length: 50 }, (_, at) => colourOf(at));
  assert.equal(new Set(all.slice(0, 10)).size, 10);
  assert.ok(all.every(colour => /^hsl\(\d+ 65% \d+%\)$/.test(colour)));
});

test('runs of one name are told apart by their ids, others are called by their names', () => {
  const runs = [
    { id: 'abcdef01', name: 'fit' },
    { id: '12345678', name: 'fit' },
    { id: '9', name: 'other' }
  ] as IRun[];
  assert.deepEqual(labelsOf(runs), ['fit (abcd)', 'fit (1234)', 'other']);
});

test('what is equal is counted in words, and what this version does not know by the name that it has', () => {
  assert.equal(countText('metric', 1, trans), '1 metric');
  assert.equal(countText('package', 40, trans), '40 packages');
  assert.equal(countText('weather', 2, trans), '2 × weather');
});

test('numbers lie by their size, words side by side', () => {
  const numbers = axisOf('metrics.acc', [0, 5, 10, null]);
  assert.deepEqual([0, 5, 10, null, 'x'].map(numbers.at), [0, 0.5, 1, null, null]);
  const words = axisOf('params.kind', ['b', 'a', null]);
  assert.deepEqual(['a', 'b', 'c'].map(words.at), [0, 1, null]);
  assert.equal(shortName('params.kind'), 'kind');
});

test('what goes over a hundredfold lies by its logarithm', () => {
  const axis = axisOf('params.lr', [0.001, 0.01, 0.1]);
  assert.ok(Math.abs((axis.at(0.01) ?? 0) - 0.5) < 1e-9);
});

test('a run is chosen where it lies within all brushes', () => {
  const columns = [
    [0, 5, 10, null],
    [3, 1, 2, 1]
  ];
  const axes = columns.map((values, at) => axisOf(String(at), values));
  const places = placesOf(axes, columns);
  assert.deepEqual(chosen(places, [[0.4, 1], null]), [false, true, true, false]);
  assert.deepEqual(
    chosen(places, [
      [0.4, 1],
      [0, 0.2]
    ]),
    [false, true, false, false]
  );
});

test('where two pictures differ is red, and counted', () => {
  const before = Uint8ClampedArray.from([10, 10, 10, 255, 0, 0, 0, 255]);
  const after = Uint8ClampedArray.from([10, 10, 10, 255, 0, 100, 0, 255]);
  const shown = new Uint8ClampedArray(8);
  assert.equal(markDifference(before, after, shown), 1);
  assert.deepEqual([...shown], [255, 255, 255, 255, 255, 155, 155, 255]);
});

test('the greatest values are drawn last, and those without one first, faintly', () => {
  const ink = { line: 'blue', faint: 'grey' };
  const drawn = inColours([0, 1, 2], [1, null, 0], ink).filter(([, runs]) => runs.length);
  assert.deepEqual(drawn, [
    ['grey', [1]],
    [shadeOf(0), [2]],
    [shadeOf(1), [0]]
  ]);
  assert.deepEqual(inColours([0, 1], null, ink), [['blue', [0, 1]]]);
});

test('a line is broken where a run has no value', () => {
  const frame = { width: 120, height: 100, left: 10, right: 10, top: 0, bottom: 0 };
  assert.deepEqual(lineOf(frame, [[0], [null], [1]], 0), [
    [10, 100],
    [60, NaN],
    [110, 0]
  ]);
});

test('runs compared are fetched anew where one of them changes, and not while nobody looks', async () => {
  const later = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
  let asked = 0;
  let isAway = false;
  const beside = () =>
    isAway
      ? Promise.reject(new Problem('offline', 'gone'))
      : Promise.resolve({
          runs: [],
          packages: [],
          inputs: [],
          seeds: [],
          asked: asked++
        });
  const model = new CompareModel(['a', 'b'], { beside }, 1, 5);
  model.visible = true;
  await later(10);
  assert.equal(model.state.kind, 'ready');
  model.noteChange({ seq: 1, runs: ['c'] });
  await later(10);
  assert.equal(asked, 1);
  model.visible = false;
  model.noteChange({ seq: 2, runs: ['b'] });
  await later(10);
  assert.equal(asked, 1);
  model.visible = true;
  await later(10);
  assert.deepEqual([asked, model.round], [2, 2]);
  isAway = true;
  model.noteChange({ seq: 0, runs: [] });
  await later(10);
  assert.equal(model.state.kind, 'ready');
  isAway = false;
  await later(30);
  assert.equal(model.round, 3);
  model.dispose();
});

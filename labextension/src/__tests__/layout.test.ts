import assert from 'node:assert/strict';
import { test } from 'node:test';

import { layoutOf, neighbour } from '../pipeline/layout';

const graph = (edges: Record<string, string[]>) =>
  layoutOf(Object.entries(edges).map(([name, upstream]) => ({ name, upstream })));

function places(edges: Record<string, string[]>): Record<string, [number, number]> {
  return Object.fromEntries(
    graph(edges).stages.map(({ name, column, row }) => [name, [column, row]])
  );
}

test('a stage stands to the right of all that it reads from', () => {
  assert.deepEqual(places({ a: [], b: ['a'], c: ['a', 'b'] }), {
    a: [0, 0.5],
    b: [1, 0],
    c: [2, 0.5]
  });
});

test('lines do not cross where another order has none that do', () => {
  const found = places({ a: [], b: [], y: ['b'], x: ['a'] });
  assert.ok(found.a![1] < found.b![1] === found.x![1] < found.y![1]);
});

test('a long line passes each column in between in a place of its own', () => {
  const { lines, stages } = graph({ a: [], b: ['a'], c: ['b'], d: ['a', 'c'] });
  const long = lines.find(({ from, to }) => from === 'a' && to === 'd');
  assert.deepEqual(
    long?.by.map(({ column }) => column),
    [0, 1, 2, 3]
  );
  for (const point of long?.by.slice(1, -1) ?? []) {
    assert.ok(!stages.some(s => s.column === point.column && s.row === point.row));
  }
});

test('no stages, and stages that know no other, have a layout', () => {
  assert.deepEqual(graph({}), { stages: [], lines: [], columns: 0, rows: 0 });
  assert.deepEqual(graph({ a: ['elsewhere'] }).lines, []);
  assert.deepEqual(Object.keys(places({ ['__proto__x']: [], toString: [] })).length, 2);
});

test('the arrow keys lead to the nearest stage in their direction', () => {
  const { stages } = graph({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] });
  const from = (name: string, key: string) =>
    neighbour(
      key,
      stages.find(s => s.name === name)!,
      stages
    )?.name;
  assert.equal(from('a', 'ArrowRight'), 'b');
  assert.equal(from('b', 'ArrowDown'), 'c');
  assert.equal(from('c', 'ArrowUp'), 'b');
  assert.equal(from('d', 'ArrowLeft'), 'b');
  assert.equal(from('a', 'End'), 'd');
  assert.equal(from('a', 'ArrowLeft'), undefined);
  assert.equal(from('a', 'x'), undefined);
});

test('five hundred stages in two layers are laid out', () => {
  const edges: Record<string, string[]> = {};
  for (let i = 0; i < 250; i++) {
    edges[`a${i}`] = [];
  }
  for (let i = 0; i < 250; i++) {
    edges[`b${i}`] = [`a${249 - i}`];
  }
  const found = places(edges);
  assert.equal(found.a0![1], found.b249![1]);
});

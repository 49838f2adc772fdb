import assert from 'node:assert/strict';
import { test } from 'node:test';

import { graphOf, MOST_ROWS } from '../run/graph';
import { ILineage, IOrigin } from '../run/wire';

const origin = (path: string, ...runs: IOrigin['runs']): IOrigin => ({
  path,
  digest: `b3:${path}`,
  runs
});

test('data goes from left to right: maker, file, run, file', () => {
  const maker = { id: 'a', name: 'prepare', kind: 'cell', inputs: [], repeated: false };
  const lineage: ILineage = {
    id: 'b',
    origins: [origin('clean.csv', maker)],
    readers: [{ path: 'model', digest: 'b3:m', runs: [] }]
  };
  const graph = graphOf(lineage, 'train');
  const columns = Object.fromEntries(graph.nodes.map(node => [node.label, node.column]));
  assert.deepEqual(columns, { prepare: 0, 'clean.csv': 1, train: 2, model: 3 });
  assert.equal(graph.edges.length, 3);
});

test('a file that two runs share stands there once', () => {
  const shared = origin('raw.csv');
  const maker = (id: string) => ({
    id,
    name: id,
    kind: 'cell',
    inputs: [shared],
    repeated: false
  });
  const origins = [origin('x', maker('a')), origin('y', maker('c'))];
  const graph = graphOf({ id: 'b', origins, readers: [] }, 'b');
  assert.equal(graph.nodes.filter(node => node.label === 'raw.csv').length, 1);
});

test('of a great many files the rest is counted', () => {
  const origins = Array.from({ length: MOST_ROWS + 5 }, (_, at) => origin(`f${at}`));
  const graph = graphOf({ id: 'b', origins, readers: [] }, 'b');
  assert.equal(graph.nodes.find(node => node.kind === 'more')?.label, '5');
  assert.ok(graph.edges.every(([from]) => graph.nodes.some(node => node.key === from)));
});

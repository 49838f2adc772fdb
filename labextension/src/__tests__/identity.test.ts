import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addToRequests, METADATA_KEY, placeOf, tellNotebook } from '../identity';

const CONTENTS = {
  driveName: (path: string) => (path.includes(':') ? path.split(':')[0]! : ''),
  localPath: (path: string) => path.split(':').pop()!
};

/** A connection that notes the metadata of its requests. */
function connection() {
  const sent: unknown[] = [];
  const kernel = {
    requestExecute: (_content: unknown, dispose?: boolean, metadata?: unknown) => {
      sent.push([dispose, metadata]);
      return {} as never;
    }
  };
  return { kernel, sent };
}

test('the path goes with the request, beside what JupyterLab sends', () => {
  const { kernel, sent } = connection();
  let path = 'a.ipynb';
  addToRequests(kernel, () => placeOf(path, CONTENTS, '/srv'));
  kernel.requestExecute({ code: '1' }, false, { cellId: 'c' });
  path = 'sub/b.ipynb';
  kernel.requestExecute({ code: '1' });
  assert.deepEqual(sent, [
    [false, { cellId: 'c', [METADATA_KEY]: { notebook: 'a.ipynb', root: '/srv' } }],
    [undefined, { [METADATA_KEY]: { notebook: 'sub/b.ipynb', root: '/srv' } }]
  ]);
});

test('the code cells of the moment go with the request, unless they are very many', () => {
  const { kernel, sent } = connection();
  let cells = ['a', 'b'];
  const sessionContext = { session: { kernel }, kernelChanged: { connect: () => true } };
  const context = { path: 'a.ipynb', sessionContext } as never;
  const heard: string[] = [];
  tellNotebook(context, CONTENTS as never, '/srv', () => cells, {
    before: () => heard.push('before'),
    sent: code => heard.push(code)
  });
  kernel.requestExecute({ code: '1' });
  cells = ['b'];
  kernel.requestExecute({ code: '2' });
  cells = Array.from({ length: 2001 }, (_, at) => `${at}`);
  kernel.requestExecute({ code: '3' });
  const told = { notebook: 'a.ipynb', root: '/srv' };
  assert.deepEqual(sent, [
    [undefined, { [METADATA_KEY]: { ...told, cells: ['a', 'b'] } }],
    [undefined, { [METADATA_KEY]: { ...told, cells: ['b'] } }],
    [undefined, { [METADATA_KEY]: told }]
  ]);
  assert.deepEqual(heard, ['before', '1', 'before', '2', 'before', '3']);
});

test('a connection is wrapped once', () => {
  const { kernel } = connection();
  addToRequests(kernel, () => null);
  const { requestExecute } = kernel;
  addToRequests(kernel, () => null);
  assert.equal(kernel.requestExecute, requestExecute);
});

test('nothing is told of a notebook on another drive, or where the folder is not known', () => {
  const { kernel, sent } = connection();
  addToRequests(kernel, () => placeOf('s3:a.ipynb', CONTENTS, '/srv'));
  kernel.requestExecute({ code: '1' }, true, { cellId: 'c' });
  assert.deepEqual(sent, [[true, { cellId: 'c' }]]);
  assert.equal(placeOf('a.ipynb', CONTENTS, ''), null);
  assert.deepEqual(placeOf('RTC:a.ipynb', CONTENTS, '/srv'), {
    notebook: 'a.ipynb',
    root: '/srv'
  });
});
